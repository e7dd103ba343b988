// The names of AMD's types without the types, in place of AMD's header: for C simulation only, on request, and never
// before Vitis. Layers compute on machine integers there and name AMD's types alone, so that they need not load what
// takes longer to load than most of them take to compile. One that needs a type itself does not compile with this.
#ifndef HARNESS_NAMES_AP_INT_H
#define HARNESS_NAMES_AP_INT_H

// ap_decl.h knows by this that it is not included by itself
#define __AP_INT_H__
#include <ap_decl.h>

#endif
