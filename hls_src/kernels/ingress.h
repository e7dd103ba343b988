// The ingress decides `last`, and nobody else does.
#ifndef HLSPIKE_KERNELS_INGRESS_H
#define HLSPIKE_KERNELS_INGRESS_H

#include "ap.h"

namespace hlspike {

// Reset policy fixed_window: 1 on every Window-th timestep.
template <int Window, class Counter> bit_t every(Counter &elapsed) {
    const bit_t last = elapsed == Window - 1;
    elapsed = last != 0 ? Counter(0) : Counter(elapsed + 1);
    return last;
}

}  // namespace hlspike

#endif
