// y = W x + b for one timestep. Products and bias are summed exactly; two casts follow, into accum and from there into
// result.
//
// One pipelined loop of reuse_factor iterations: for each group of out_parallel outputs, each group of in_parallel
// inputs. An iteration takes one row of weights, forms the sum of every output over its inputs in a balanced tree, whose
// widths grow by a bit per level, and adds it to the output's accumulator: that addition is all that the next iteration
// waits for. Outputs are outermost, so the accumulators of one group are registers, and a group of outputs leaves with
// the iteration that completes it. A layer fed by spikes has no multiplier.
//
// Cfg: n_in, n_out, in_parallel, out_parallel, reuse_factor; in_t, out_t, accum_t, result_t;
//      weight_width; sum_width, bits of the exact sum of products; acc_width <= sum_width, bits kept of it (accum
//      wraps above); acc_t, those bits with their binary point; mantissas of
//      static weight(int row, int k), weight k of an iteration, for the order see `tree`, and
//      static bias(int group, int q), in bias_t, of output q of a group
#ifndef HLSPIKE_KERNELS_LINEAR_H
#define HLSPIKE_KERNELS_LINEAR_H

#include "beats.h"
#include "cast.h"

namespace hlspike {

template <class Cfg, bool FromSpikes = is_spike<typename Cfg::in_t>::value> struct product {
    static constexpr int width = Cfg::weight_width + format<typename Cfg::in_t>::width;
    typedef exact<width> type;
    typedef typename word<format<typename Cfg::in_t>::held, width>::type operand_t;
    template <class Weight> static type of(const Weight &weight, const operand_t &x) { return weight * x; }
    static operand_t operand(const raw<typename Cfg::in_t> &x) { return x; }
};

// A spike is as many ones as a weight has bits: it lets the weight through.
template <class Cfg> struct product<Cfg, true> {
    static constexpr int width = Cfg::weight_width;
    typedef exact<width> type;
    typedef type operand_t;
    template <class Weight> static type of(const Weight &weight, const operand_t &x) { return weight & x; }
    static operand_t operand(const raw<typename Cfg::in_t> &x) { return x != 0 ? -1 : 0; }
};

// The sum of N products, as wide as it can become, and no wider than what is kept of it.
template <class Cfg, int N> struct partial {
    static constexpr int width = product<Cfg>::width + log2_up(N);
    typedef typename word<least(width, Cfg::acc_width), width>::type type;
};

template <class Cfg, int N, int Lanes> struct tree;

// What a tree is made of: two trees of half its inputs. In C simulation those of about eight inputs are functions that
// are called: a whole tree as one function takes twice as long to compile, and runs slower, because it fits no cache of
// instructions.
#ifdef __SYNTHESIS__
template <class Cfg, int N, int Lanes> using half = tree<Cfg, N, Lanes>;
#else
template <class Cfg, int N, int Lanes, bool Called = (N > 4 && N <= 8)> struct half : tree<Cfg, N, Lanes> {};
template <class Cfg, int N, int Lanes> struct half<Cfg, N, Lanes, true> {
    typedef typename partial<Cfg, N>::type sum_t;
    __attribute__((noinline)) static void sum(int row, int base, int p,
                                              const typename product<Cfg>::operand_t x[Cfg::in_parallel],
                                              sum_t sums[Lanes]) {
        tree<Cfg, N, Lanes>::sum(row, base, p, x, sums);
    }
};
#endif

// The sums over N inputs from input p on, of Lanes outputs whose first weight in the row is `base`. Weights of the lanes
// lie side by side, those of the next input behind them.
template <class Cfg, int N, int Lanes> struct tree {
    typedef typename partial<Cfg, N>::type sum_t;
    typedef half<Cfg, (N + 1) / 2, Lanes> lower;
    typedef half<Cfg, N / 2, Lanes> upper;
    static void sum(int row, int base, int p, const typename product<Cfg>::operand_t x[Cfg::in_parallel],
                    sum_t sums[Lanes]) {
#pragma HLS INLINE
        typename lower::sum_t a[Lanes];
#pragma HLS ARRAY_PARTITION variable=a complete
        typename upper::sum_t b[Lanes];
#pragma HLS ARRAY_PARTITION variable=b complete
        lower::sum(row, base, p, x, a);
        upper::sum(row, base, p + (N + 1) / 2, x, b);
    Add:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            sums[l] = sum_t(a[l] + b[l]);
        }
    }
};

template <class Cfg, int Lanes> struct tree<Cfg, 1, Lanes> {
    typedef typename partial<Cfg, 1>::type sum_t;
    static void sum(int row, int base, int p, const typename product<Cfg>::operand_t x[Cfg::in_parallel],
                    sum_t sums[Lanes]) {
#pragma HLS INLINE
    Multiply:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            sums[l] = sum_t(product<Cfg>::of(Cfg::weight(row, base + p * Lanes + l), x[p]));
        }
    }
};

template <class Cfg> using accumulator = typename word<Cfg::acc_width, Cfg::sum_width>::type;

// Outputs q to q + Lanes - 1 of a group, in one iteration.
template <class Cfg, int Lanes>
void add_to(int row, int q, bool first, const typename product<Cfg>::operand_t x[Cfg::in_parallel],
            accumulator<Cfg> acc[Cfg::out_parallel]) {
#pragma HLS INLINE
    typedef tree<Cfg, Cfg::in_parallel, Lanes> tree_of;
    typename tree_of::sum_t sums[Lanes];
#pragma HLS ARRAY_PARTITION variable=sums complete
    tree_of::sum(row, q * Cfg::in_parallel, 0, x, sums);
Accumulate:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        acc[q + l] = (first ? accumulator<Cfg>(0) : acc[q + l]) + sums[l];
    }
}

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
    // Sums of so many outputs are written to be formed side by side, because that is what g++ makes vectors of; hardware
    // forms those of a whole group at once either way.
    constexpr int abreast = least(Cfg::out_parallel, 32), rest = Cfg::out_parallel % abreast;
    constexpr int groups_in = Cfg::n_in / Cfg::in_parallel;
    constexpr int groups_out = Cfg::n_out / Cfg::out_parallel;
    static_assert(groups_in * groups_out == Cfg::reuse_factor, "the groups are not as many as the reuse factor");
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
    accumulator<Cfg> acc[Cfg::out_parallel];
#pragma HLS ARRAY_PARTITION variable=acc complete
    typename counter<groups_in>::type g = 0;
    typename counter<groups_out>::type h = 0;

    // A single group of outputs begins with zeros; several begin anew, each with its first inputs.
Begin:
    for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
        acc[q] = 0;
    }
Reuse:
    for (int row = 0; row < Cfg::reuse_factor; row++) {
#pragma HLS PIPELINE II=own::interval
        source::next(in, from, g, h == 0, held, kept, last);
        typename product<Cfg>::operand_t x[Cfg::in_parallel];
#pragma HLS ARRAY_PARTITION variable=x complete
        const bool first = groups_in == 1 || (groups_out > 1 && g == 0);
    Operands:
        for (int p = 0; p < Cfg::in_parallel; p++) {
#pragma HLS UNROLL
            x[p] = product<Cfg>::operand(held[p]);
        }
    Outputs:
        for (int q = 0; q < Cfg::out_parallel - rest; q += abreast) {
#pragma HLS UNROLL
            add_to<Cfg, abreast>(row, q, first, x, acc);
        }
        if (rest > 0) add_to<Cfg, (rest > 0 ? rest : abreast)>(row, Cfg::out_parallel - rest, first, x, acc);
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
