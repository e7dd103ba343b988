// y = W x + b for one timestep. Products and bias are summed exactly; two casts follow, into accum and from there into
// result.
//
// Inputs are visited outermost, in_parallel at a time, and for each such group the outputs, out_parallel at a time:
// one iteration of the pipelined loop per pair of groups, reuse_factor iterations in all. A silent input costs
// simulation nothing; in hardware its test is the select in front of the adder. A layer fed by spikes has no
// multiplier.
//
// Cfg: n_in, n_out, in_parallel, out_parallel, reuse_factor; in_t, out_t, accum_t, result_t;
//      weight_width; sum_width, bits of the exact sum of products; acc_width <= sum_width, bits kept of it (accum
//      wraps above); acc_t, those bits with their binary point;
//      static weight(int group, int k), mantissa of weight k = p * out_parallel + q of a group; static bias(int o)
#ifndef HLSPIKE_KERNELS_LINEAR_H
#define HLSPIKE_KERNELS_LINEAR_H

#include "ap.h"

namespace hlspike {

template <class Cfg, bool FromSpikes> struct product {
    static constexpr int width = Cfg::weight_width + Cfg::in_t::width + 1;
    typedef typename word<width, width>::type type;
    template <class Weight> static type of(const Weight &weight, const type &x) { return weight * x; }
    static type operand(const typename Cfg::in_t &x) { return type(to_mantissa(x)); }
};

template <class Cfg> struct product<Cfg, true> {
    typedef typename word<Cfg::weight_width, Cfg::weight_width>::type type;
    template <class Weight> static const Weight &of(const Weight &weight, const type &) { return weight; }
    static type operand(const typename Cfg::in_t &) { return 1; }
};

template <class Cfg> void linear(const typename Cfg::in_t in[Cfg::n_in], typename Cfg::out_t out[Cfg::n_out]) {
    static_assert(Cfg::n_in % Cfg::in_parallel == 0, "the inputs do not divide into groups of in_parallel");
    static_assert(Cfg::n_out % Cfg::out_parallel == 0, "the outputs do not divide into groups of out_parallel");
    constexpr int groups_in = Cfg::n_in / Cfg::in_parallel;
    constexpr int groups_out = Cfg::n_out / Cfg::out_parallel;
    static_assert(groups_in * groups_out == Cfg::reuse_factor, "the groups are not as many as the reuse factor");
    typedef product<Cfg, is_spike<typename Cfg::in_t>::value> product_of;
    typedef typename word<Cfg::weight_width, Cfg::weight_width>::type weight_t;

    typename word<Cfg::acc_width, Cfg::sum_width>::type acc[Cfg::n_out];
#pragma HLS ARRAY_PARTITION variable=acc cyclic factor=Cfg::out_parallel

Start:
    for (int o = 0; o < Cfg::n_out; o++) {
#pragma HLS UNROLL factor=Cfg::out_parallel
        acc[o] = 0;
    }
Inputs:
    for (int g = 0; g < groups_in; g++) {
    Outputs:
        for (int h = 0; h < groups_out; h++) {
#pragma HLS PIPELINE II=1
        Parallel:
            for (int p = 0; p < Cfg::in_parallel; p++) {
#pragma HLS UNROLL
                const typename Cfg::in_t &x = in[g * Cfg::in_parallel + p];
                if (x == 0) continue;
                const typename product_of::type operand = product_of::operand(x);
            Accumulate:
                for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
                    const weight_t weight = Cfg::weight(g * groups_out + h, p * Cfg::out_parallel + q);
                    acc[h * Cfg::out_parallel + q] += product_of::of(weight, operand);
                }
            }
        }
    }
Results:
    for (int o = 0; o < Cfg::n_out; o++) {
#pragma HLS UNROLL factor=Cfg::out_parallel
        const typename Cfg::accum_t sum = from_mantissa<typename Cfg::acc_t>(acc[o]) + Cfg::bias(o);
        const typename Cfg::result_t result = sum;
        out[o] = result;
    }
}

}  // namespace hlspike

#endif
