// Freetser
