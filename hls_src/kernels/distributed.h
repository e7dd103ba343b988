// y = W x + b for one timestep, all at once, by additions that outputs share. The values are those of linear.h.
//
// Weights are constants of the logic: every product is a sum of the input moved by the places of its digits, and a sum
// that occurs in several outputs is formed once. There is neither a loop nor a memory of weights.
//
// Cfg: as in linear.h with reuse_factor = 1 and without weight, but
//      static sums(x, acc), which forms the exact sums of all products
#ifndef HLSPIKE_KERNELS_DISTRIBUTED_H
#define HLSPIKE_KERNELS_DISTRIBUTED_H

#include "linear.h"

namespace hlspike {

template <class Cfg, class In, class Out> void distributed(In &in, bit_t &last, Out &out) {
#pragma HLS INLINE
    static_assert(Cfg::in_parallel == Cfg::n_in && Cfg::out_parallel == Cfg::n_out, "all is done at once");
    typedef synapse_flow<Cfg> own;
    typedef typename own::taking taking;
    typedef typename own::giving giving;

    raw<typename Cfg::in_t> held[taking::registers];
#pragma HLS ARRAY_PARTITION variable=held complete
    raw<typename Cfg::out_t> results[giving::registers], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=results complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename taking::place from;
    typename giving::place to;
    accumulator<Cfg> acc[Cfg::n_out];
#pragma HLS ARRAY_PARTITION variable=acc complete

    taking::next(in, from, held, last);
    Cfg::sums(held, acc);
Results:
    for (int q = 0; q < Cfg::n_out; q++) {
#pragma HLS UNROLL
        results[q] = result_of<Cfg>(acc[q], 0, q);
    }
    giving::next(out, to, results, waiting, last);
}

}  // namespace hlspike

#endif
