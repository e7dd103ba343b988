// Several vectors of one timestep become one: the sum of two, or one behind the other. Formed exactly, and cast once,
// into result. Both take their inputs when they need them: the FIFOs before them hold what the longer way is at work on.
//
// Cfg: n, parallel; in0_t, in0_lanes, in1_t, in1_lanes, …; out_t, out_lanes; result_t
#ifndef HLSPIKE_KERNELS_MERGE_H
#define HLSPIKE_KERNELS_MERGE_H

#include "beats.h"
#include "cast.h"

namespace hlspike {

template <class Cfg>
raw<typename Cfg::out_t> sum_of(const raw<typename Cfg::in0_t> &a, const raw<typename Cfg::in1_t> &b) {
#pragma HLS INLINE
    typedef format<typename Cfg::in0_t> first;
    typedef format<typename Cfg::in1_t> second;
    constexpr int frac = most(first::frac, second::frac);
    constexpr int held = 1 + most(first::held + frac - first::frac, second::held + frac - second::frac);
    typedef exact<held> type;
    const type sum = raised<frac - first::frac>(type(a)) + raised<frac - second::frac>(type(b));
    return raw<typename Cfg::out_t>(cast<typename Cfg::result_t, frac, held>(sum));
}

// What an iteration of a sum takes and gives.
template <class Cfg> struct sum_flow {
    typedef intake<Cfg::n, Cfg::in0_lanes, Cfg::parallel> left;
    typedef intake<Cfg::n, Cfg::in1_lanes, Cfg::parallel> right;
    typedef outlet<Cfg::n, Cfg::out_lanes, Cfg::parallel> giving;
    static constexpr int interval = most(rate<left, giving>::interval, right::beats);
};

// One pipelined loop over groups of `parallel` values.
template <class Cfg, class First, class Second, class Out> void add(First &first, Second &second, bit_t &last, Out &out) {
#pragma HLS INLINE
    static_assert(Cfg::n % Cfg::parallel == 0, "the values do not divide into groups of parallel");
    typedef sum_flow<Cfg> own;
    typedef typename own::left left;
    typedef typename own::right right;
    typedef typename own::giving giving;
    raw<typename Cfg::in0_t> a[left::registers];
#pragma HLS ARRAY_PARTITION variable=a complete
    raw<typename Cfg::in1_t> b[right::registers];
#pragma HLS ARRAY_PARTITION variable=b complete
    raw<typename Cfg::out_t> sums[giving::registers], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename left::place from_first;
    typename right::place from_second;
    typename giving::place to;
Groups:
    for (int g = 0; g < Cfg::n / Cfg::parallel; g++) {
#pragma HLS PIPELINE II=own::interval
        left::next(first, from_first, a, last);
        right::next(second, from_second, b, last);
    Add:
        for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
            sums[p] = sum_of<Cfg>(a[p], b[p]);
        }
        giving::next(out, to, sums, waiting, last);
    }
}

template <class Cfg, class T> raw<typename Cfg::out_t> result_from(const raw<T> &value) {
#pragma HLS INLINE
    typedef format<T> in;
    typedef exact<in::held> type;
    return raw<typename Cfg::out_t>(cast<typename Cfg::result_t, in::frac, in::held>(type(value)));
}

template <class Cfg> using joined = outlet<Cfg::n, Cfg::out_lanes, Cfg::parallel>;

// What an iteration of a concatenation takes and gives, of an input of N values.
template <class Cfg, int N, int Lanes> struct pass_flow {
    typedef intake<N, Lanes, Cfg::parallel> taking;
    static constexpr int interval = rate<taking, joined<Cfg>>::interval;
};

// N values of type T behind those that were passed on before: one pipelined loop over groups of `parallel` values.
template <class Cfg, class T, int N, int Lanes, class In, class Out>
void pass(In &in, bit_t &last, typename joined<Cfg>::place &to,
          raw<typename Cfg::out_t> waiting[joined<Cfg>::waiting], Out &out) {
#pragma HLS INLINE
    static_assert(N % Cfg::parallel == 0, "the values do not divide into groups of parallel");
    typedef pass_flow<Cfg, N, Lanes> own;
    typedef typename own::taking taking;
    raw<T> held[taking::registers];
#pragma HLS ARRAY_PARTITION variable=held complete
    raw<typename Cfg::out_t> values[joined<Cfg>::registers];
#pragma HLS ARRAY_PARTITION variable=values complete
    typename taking::place from;
Pass:
    for (int g = 0; g < N / Cfg::parallel; g++) {
#pragma HLS PIPELINE II=own::interval
        taking::next(in, from, held, last);
    Values:
        for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
            values[p] = result_from<Cfg, T>(held[p]);
        }
        joined<Cfg>::next(out, to, values, waiting, last);
    }
}

// Likewise, but all N at once, into `values` from First on.
template <class Cfg, class T, int N, int Lanes, int First, class In>
void gather(In &in, bit_t &last, raw<typename Cfg::out_t> values[joined<Cfg>::registers]) {
#pragma HLS INLINE
    typedef intake<N, Lanes, N> taking;
    raw<T> held[taking::registers];
#pragma HLS ARRAY_PARTITION variable=held complete
    typename taking::place from;
    taking::next(in, from, held, last);
Values:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        values[First + i] = result_from<Cfg, T>(held[i]);
    }
}

}  // namespace hlspike

#endif
