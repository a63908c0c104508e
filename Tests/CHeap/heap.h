// What glibc's malloc(3) tells of itself, which its Swift module leaves out. Declared here because <malloc.h> would bring
// along types that are Glibc's own.

#include <stddef.h>

// mallinfo2(3)
struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
extern struct mallinfo2 mallinfo2(void);

extern int malloc_trim(size_t pad);
