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

#include "beats.h"
#include "cast.h"

namespace hlspike {

template <class Cfg, bool FromSpikes> struct product {
    static constexpr int width = Cfg::weight_width + format<typename Cfg::in_t>::held;
    typedef typename word<width, width>::type type;
    template <class Weight> static type of(const Weight &weight, const type &x) { return weight * x; }
    static type operand(const raw<typename Cfg::in_t> &x) { return type(x); }
};

template <class Cfg> struct product<Cfg, true> {
    typedef typename word<Cfg::weight_width, Cfg::weight_width>::type type;
    template <class Weight> static const Weight &of(const Weight &weight, const type &) { return weight; }
    static type operand(const raw<typename Cfg::in_t> &) { return 1; }
};

// The sum of products as accum and as result takes it, the bias added.
template <class Cfg, class Acc> raw<typename Cfg::out_t> result_of(const Acc &acc, int h, int q) {
#pragma HLS INLINE
    typedef format<typename Cfg::acc_t> sum;
    typedef format<typename Cfg::bias_t> bias;
    typedef format<typename Cfg::accum_t> accum;
    constexpr int frac = most(sum::frac, bias::frac);
    constexpr int held = 1 + most(sum::held + frac - sum::frac, bias::held + frac - bias::frac);
    typedef exact<held> type;
    const raw<typename Cfg::acc_t> kept = raw<typename Cfg::acc_t>(last_bits<sum::width, sum::is_signed>::of(acc));
    const type total = raised<frac - sum::frac>(type(kept)) + raised<frac - bias::frac>(type(Cfg::bias(h, q)));
    const exact<accum::held> rounded = cast<typename Cfg::accum_t, frac, held>(total);
    return raw<typename Cfg::out_t>(cast<typename Cfg::result_t, accum::frac, accum::held>(rounded));
}

// What an iteration takes and gives.
template <class Cfg> struct synapse_flow {
    typedef intake<Cfg::n_in, Cfg::in_lanes, Cfg::in_parallel> taking;
    typedef outlet<Cfg::n_out, Cfg::out_lanes, Cfg::out_parallel> giving;
    static constexpr int interval = rate<taking, giving>::interval;
};

template <class Cfg, class In, class Out> void linear(In &in, bit_t &last, Out &out) {
#pragma HLS INLINE
    static_assert(Cfg::n_in % Cfg::in_parallel == 0, "the inputs do not divide into groups of in_parallel");
    static_assert(Cfg::n_out % Cfg::out_parallel == 0, "the outputs do not divide into groups of out_parallel");
    constexpr int groups_in = Cfg::n_in / Cfg::in_parallel;
    constexpr int groups_out = Cfg::n_out / Cfg::out_parallel;
    static_assert(groups_in * groups_out == Cfg::reuse_factor, "the groups are not as many as the reuse factor");
    typedef product<Cfg, is_spike<typename Cfg::in_t>::value> product_of;
    typedef typename word<Cfg::weight_width, Cfg::weight_width>::type weight_t;
    typedef synapse_flow<Cfg> own;
    typedef typename own::taking taking;
    typedef typename own::giving giving;
    typedef typename again<In>::template of<taking, Cfg::in_parallel, groups_in, groups_out> source;

    raw<typename Cfg::in_t> held[taking::registers], kept[source::kept][Cfg::in_parallel];
#pragma HLS ARRAY_PARTITION variable=held complete
#pragma HLS ARRAY_PARTITION variable=kept complete dim=2
    raw<typename Cfg::out_t> results[giving::registers], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=results complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename taking::place from;
    typename giving::place to;
    typename word<Cfg::acc_width, Cfg::sum_width>::type acc[Cfg::out_parallel];
#pragma HLS ARRAY_PARTITION variable=acc complete
    typename counter<groups_in>::type g = 0;
    typename counter<groups_out>::type h = 0;

Reuse:
    for (int row = 0; row < Cfg::reuse_factor; row++) {
#pragma HLS PIPELINE II=own::interval
        source::next(in, from, g, h == 0, held, kept, last);
    Clear:
        for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
            if (g == 0) acc[q] = 0;
        }
    Parallel:
        for (int p = 0; p < Cfg::in_parallel; p++) {
#pragma HLS UNROLL
            if (held[p] == 0) continue;
            const typename product_of::type operand = product_of::operand(held[p]);
        Accumulate:
            for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
                const weight_t weight = Cfg::weight(g * groups_out + h, p * Cfg::out_parallel + q);
                acc[q] += product_of::of(weight, operand);
            }
        }
        if (g == groups_in - 1) {
        Results:
            for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
                results[q] = result_of<Cfg>(acc[q], h, q);
            }
            giving::next(out, to, results, waiting, last);
            g = 0;
            h++;
        } else {
            g++;
        }
    }
}

}  // namespace hlspike

#endif
