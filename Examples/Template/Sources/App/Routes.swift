// What can be asked of it.

import Freetser

let tables: [Table] = ["visits"]

func routes(_ store: Store) -> Routes {
  var routes = Routes()
  routes.get("/readyz", handler: .readiness(store: store))
  routes.get("/hello/:name") { _, path in
    let name = path["name"]
    let visits = try store.execute { try $0.increment("visits", name) }
    return .text("Hello \(name), for the \(visits). time!\n")
  }
  return routes
}
