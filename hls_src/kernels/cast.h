// A value into its type, in the type's own modes: what assigning to ap_fixed does (AMD UG1399, "Arbitrary Precision
// Fixed-Point Types"; ap_fixed_base.h), on mantissas.
#ifndef HLSPIKE_KERNELS_CAST_H
#define HLSPIKE_KERNELS_CAST_H

#include "ap.h"

namespace hlspike {

// What is added before the last Drop bits are cut off.
template <ap_q_mode Mode, int Drop, class T> struct rounding;
template <int Drop, class T> struct rounding<AP_TRN, Drop, T> {
    static T offset(const T &) { return 0; }
};
template <int Drop, class T> struct rounding<AP_TRN_ZERO, Drop, T> {
    static T offset(const T &x) { return x < 0 ? T((T(1) << Drop) - 1) : T(0); }
};
template <int Drop, class T> struct rounding<AP_RND, Drop, T> {
    static T offset(const T &) { return T(1) << (Drop - 1); }
};
template <int Drop, class T> struct rounding<AP_RND_MIN_INF, Drop, T> {
    static T offset(const T &) { return (T(1) << (Drop - 1)) - 1; }
};
template <int Drop, class T> struct rounding<AP_RND_INF, Drop, T> {
    static T offset(const T &x) { return (T(1) << (Drop - 1)) - T(x < 0); }
};
template <int Drop, class T> struct rounding<AP_RND_ZERO, Drop, T> {
    static T offset(const T &x) { return (T(1) << (Drop - 1)) - T(x >= 0); }
};
template <int Drop, class T> struct rounding<AP_RND_CONV, Drop, T> {
    static T offset(const T &x) { return (T(1) << (Drop - 1)) - 1 + ((x >> Drop) & 1); }
};

template <ap_q_mode Mode, int Drop, bool Drops = (Drop > 0)> struct moved {
    template <class T> static T point(const T &x) { return (x + rounding<Mode, Drop, T>::offset(x)) >> Drop; }
};
template <ap_q_mode Mode, int Drop> struct moved<Mode, Drop, false> {
    template <class T> static T point(const T &x) { return raised<-Drop>(x); }
};

// The last W bits of a value.
template <int W, bool Signed> struct last_bits;
template <int W> struct last_bits<W, true> {
    template <int N> static ap_int<W> of(const ap_int<N> &x) { return x; }
    static long long of(long long x) {
        constexpr int unused = W < 64 ? 64 - W : 0;
        return static_cast<long long>(static_cast<unsigned long long>(x) << unused) >> unused;
    }
};
template <int W> struct last_bits<W, false> {
    template <int N> static ap_uint<W> of(const ap_int<N> &x) { return x; }
    static typename natural<most(W, 63)>::type of(long long x) { return cut(x, below<(W < 64)>()); }

private:
    template <bool> struct below {};
    static long long cut(long long x, below<true>) { return x & static_cast<long long>((1ULL << (W % 64)) - 1); }
    static ap_uint<W> cut(long long x, below<false>) { return ap_uint<W>(ap_int<64>(x)); }
};

template <class To, bool Fits, ap_o_mode Mode = format<To>::overflow> struct confined;
// Nothing that arrives is beyond the type.
template <class To, ap_o_mode Mode> struct confined<To, true, Mode> {
    template <class T> static raw<To> of(const T &x) { return raw<To>(x); }
};
template <class To> struct confined<To, false, AP_WRAP> {
    template <class T> static raw<To> of(const T &x) {
        return raw<To>(last_bits<format<To>::width, format<To>::is_signed>::of(x));
    }
};
template <class To> struct bounds {
    template <class T> static T high() { return (T(1) << (format<To>::width - format<To>::is_signed)) - 1; }
    // AP_SAT_SYM sets the last bit of the most negative mantissa: -max, or -1 in a single bit
    template <class T> static T low() {
        if (!format<To>::is_signed) return 0;
        const bool odd = format<To>::overflow == AP_SAT_SYM && format<To>::width > 1;
        return T(-(T(1) << (format<To>::width - 1))) + T(odd);
    }
};
template <class To> struct confined<To, false, AP_SAT> {
    template <class T> static raw<To> of(const T &x) {
        const T low = bounds<To>::template low<T>(), high = bounds<To>::template high<T>();
        return raw<To>(x < low ? low : x > high ? high : x);
    }
};
template <class To> struct confined<To, false, AP_SAT_SYM> : confined<To, false, AP_SAT> {};
template <class To> struct confined<To, false, AP_SAT_ZERO> {
    template <class T> static raw<To> of(const T &x) {
        const T low = bounds<To>::template low<T>(), high = bounds<To>::template high<T>();
        return raw<To>(x < low || x > high ? T(0) : x);
    }
};

// The mantissa in To of a signed integer of Width bits, Frac of them after the point.
template <class To, int Frac, int Width, class From> raw<To> cast(const From &value) {
#pragma HLS INLINE
    typedef format<To> to;
    constexpr int drop = Frac - to::frac;
    // bits of the value in the steps of To, and of the carry that rounding may bring
    constexpr int width = drop > 0 ? most(1, Width - drop) + (to::quantization != AP_TRN) : Width - drop;
    constexpr bool fits = to::is_signed && width <= to::width && to::overflow != AP_SAT_SYM;
    // one bit beyond all that is compared or added
    typedef exact<1 + most(most(Width + (drop < 0 ? -drop : 1), drop > 0 ? drop + 2 : 0), to::held)> wide_t;
    return confined<To, fits>::of(moved<to::quantization, drop>::point(wide_t(value)));
}

}  // namespace hlspike

#endif
