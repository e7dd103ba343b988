// A vector that several layers take, once for each of them: an array or a FIFO has one reader.
//
// One pipelined loop over beats. A FIFO that is full holds up the others, so each has to be as deep as the longest way
// to where the copies meet again is long; the generator sees to that.
//
// Cfg: n, lanes; value_t
#ifndef HLSPIKE_KERNELS_CLONE_H
#define HLSPIKE_KERNELS_CLONE_H

#include "beats.h"

namespace hlspike {

template <class Cfg> void give(int, const raw<typename Cfg::value_t>[Cfg::lanes], bit_t) {
#pragma HLS INLINE
}
template <class Cfg, class Out, class... Others>
void give(int beat, const raw<typename Cfg::value_t> values[Cfg::lanes], bit_t last, Out &out, Others &...others) {
#pragma HLS INLINE
    as_beats::send<Cfg::lanes>(out, beat, values, last);
    give<Cfg>(beat, values, last, others...);
}

template <class Cfg, class In, class... Outs> void clone(In &in, bit_t &last, Outs &...outs) {
#pragma HLS INLINE
    static_assert(Cfg::n % Cfg::lanes == 0, "the values do not divide into beats");
Beats:
    for (int b = 0; b < Cfg::n / Cfg::lanes; b++) {
#pragma HLS PIPELINE II=1
        raw<typename Cfg::value_t> values[Cfg::lanes];
#pragma HLS ARRAY_PARTITION variable=values complete
        as_beats::receive<Cfg::lanes>(in, b, values, last);
        give<Cfg>(b, values, last, outs...);
    }
}

}  // namespace hlspike

#endif
