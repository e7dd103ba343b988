// A stand-in for AMD's ap_fixed.h: see ap_int.h.
#ifndef STAND_IN_AP_FIXED_H
#define STAND_IN_AP_FIXED_H

#include "ap_int.h"

enum ap_q_mode { AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO };
enum ap_o_mode { AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP, AP_WRAP_SM };

namespace stand_in {

// Nothing here returns an integer: it would do so in parts that suit a processor.

// Adds to x what the mode asks for before its last Drop bits are cut off (AMD UG1399, "Quantization Modes").
template <ap_q_mode Q, int Drop, class T> void round_off(T &x) {
    const T half = T(1) << (Drop - 1);
    switch (Q) {
        case AP_TRN: break;
        case AP_TRN_ZERO: x += x < 0 ? T((T(1) << Drop) - 1) : T(0); break;
        case AP_RND: x += half; break;
        case AP_RND_MIN_INF: x += half - 1; break;
        case AP_RND_INF: x += x < 0 ? T(half - 1) : half; break;
        case AP_RND_ZERO: x += x < 0 ? half : T(half - 1); break;
        default: x += half - 1 + ((x >> Drop) & 1);
    }
}

template <ap_q_mode Q, int Drop, bool Drops = (Drop > 0)> struct moved {
    template <class T> static void point(T &x) {
        round_off<Q, Drop>(x);
        x >>= Drop;
    }
};
template <ap_q_mode Q, int Drop> struct moved<Q, Drop, false> {
    template <class T> static void point(T &x) { x <<= -Drop; }
};

// Brings x, whose last bit is the target's, within it (the same, "Overflow Modes").
template <int W, bool S, ap_o_mode O, class T> void confine(T &x) {
    const T high = (T(1) << (W - S)) - 1;
    const T least = S ? T(-(T(1) << (W - 1))) : T(0);
    // the most negative mantissa with its last bit set: -high, or -1 in a single bit
    const T low = O == AP_SAT_SYM && S && W > 1 ? T(least + 1) : least;
    if (O == AP_WRAP || (x >= low && x <= high)) return;
    x = O == AP_SAT_ZERO ? T(0) : x < low ? low : high;
}

}  // namespace stand_in

template <int W, int I, bool S, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> struct ap_fixed_base {
    static constexpr int width = W, iwidth = I;
    static constexpr bool sign_flag = S;
    static constexpr ap_q_mode qmode = Q;
    static constexpr ap_o_mode omode = O;
    typename stand_in::storage<W, S>::type V;

    ap_fixed_base() = default;
    // no default: see ap_int_base
    ap_fixed_base(const ap_fixed_base &x) : V(x.V) {}
    ap_fixed_base &operator=(const ap_fixed_base &x) {
        V = x.V;
        return *this;
    }
    template <int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2>
    ap_fixed_base(const ap_fixed_base<W2, I2, S2, Q2, O2, N2> &x) {
        constexpr int drop = (W2 - I2) - (W - I);
        // room for the point moved to the left, for a carry, and for what is compared or added
        typedef signed _BitInt(2 + stand_in::most(W2 + 1 + (drop < 0 ? -drop : 1), stand_in::most(W + 1, drop + 2))) wide;
        wide value = x.V;
        stand_in::moved<Q, drop>::point(value);
        stand_in::confine<W, S, O>(value);
        V = STAND_IN_LAST_BITS(W, S, value);
    }
    template <int W2, bool S2> ap_fixed_base(const ap_int_base<W2, S2> &x) : ap_fixed_base(of(x)) {}
    template <class T, class = typename stand_in::plain<T>::type>
    ap_fixed_base(T x) : ap_fixed_base(typename stand_in::plain<T>::type(x)) {}

    template <int W2, bool S2> static ap_fixed_base<W2, W2, S2> of(const ap_int_base<W2, S2> &x) {
        ap_fixed_base<W2, W2, S2> same;
        same.V = x.V;
        return same;
    }
    ap_int_base<W, false> cut(int high, int low) const { return mantissa().cut(high, low); }
    template <class X> void paste(int high, int low, const X &value) {
        ap_int_base<W, S> whole = mantissa();
        whole.paste(high, low, value);
        V = whole.V;
    }
    stand_in::bits<ap_fixed_base> range(int high, int low) { return {*this, high, low}; }
    ap_int_base<W, false> range(int high, int low) const { return cut(high, low); }

private:
    ap_int_base<W, S> mantissa() const {
        ap_int_base<W, S> whole;
        whole.V = V;
        return whole;
    }
};

template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
struct ap_fixed : ap_fixed_base<W, I, true, Q, O, N> {
    ap_fixed() = default;
    ap_fixed(const ap_fixed &x) : ap_fixed_base<W, I, true, Q, O, N>(x) {}
    ap_fixed &operator=(const ap_fixed &) = default;
    template <class X> ap_fixed(const X &x) : ap_fixed_base<W, I, true, Q, O, N>(x) {}
};
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
struct ap_ufixed : ap_fixed_base<W, I, false, Q, O, N> {
    ap_ufixed() = default;
    ap_ufixed(const ap_ufixed &x) : ap_fixed_base<W, I, false, Q, O, N>(x) {}
    ap_ufixed &operator=(const ap_ufixed &) = default;
    template <class X> ap_ufixed(const X &x) : ap_fixed_base<W, I, false, Q, O, N>(x) {}
};

namespace stand_in {

template <int W, int I, bool S> struct fixed { typedef ap_fixed<W, I> type; };
template <int W, int I> struct fixed<W, I, false> { typedef ap_ufixed<W, I> type; };

}  // namespace stand_in

#define STAND_IN_ANY int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N
#define STAND_IN_OTHER int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2
#define STAND_IN_ONE const ap_fixed_base<W, I, S, Q, O, N> &a
#define STAND_IN_TWO const ap_fixed_base<W2, I2, S2, Q2, O2, N2> &b
#define STAND_IN_FRAC stand_in::most(W - I, W2 - I2)
#define STAND_IN_LEFT stand_in::both(I, S, I2, S2)

// Both operands in the type of the result, which holds them; and an integer as the fixed-point type it is.
#define STAND_IN_MIXED(OP)                                                                                     \
    template <STAND_IN_ANY, int W2, bool S2> auto operator OP(STAND_IN_ONE, const ap_int_base<W2, S2> &b)      \
        -> decltype(a OP a.of(b)) {                                                                            \
        return a OP a.of(b);                                                                                   \
    }                                                                                                          \
    template <STAND_IN_OTHER, int W, bool S> auto operator OP(const ap_int_base<W, S> &a, STAND_IN_TWO)        \
        -> decltype(b.of(a) OP b) {                                                                            \
        return b.of(a) OP b;                                                                                   \
    }                                                                                                          \
    template <STAND_IN_ANY, class T> auto operator OP(STAND_IN_ONE, T b)                                       \
        -> decltype(a OP a.of(typename stand_in::plain<T>::type(b))) {                                         \
        return a OP a.of(typename stand_in::plain<T>::type(b));                                                \
    }                                                                                                          \
    template <STAND_IN_OTHER, class T> auto operator OP(T a, STAND_IN_TWO)                                     \
        -> decltype(b.of(typename stand_in::plain<T>::type(a)) OP b) {                                         \
        return b.of(typename stand_in::plain<T>::type(a)) OP b;                                                \
    }
#define STAND_IN_SUM(OP, SIGN)                                                                                 \
    template <STAND_IN_ANY, STAND_IN_OTHER> auto operator OP(STAND_IN_ONE, STAND_IN_TWO) {                     \
        typename stand_in::fixed<STAND_IN_LEFT + 1 + STAND_IN_FRAC, STAND_IN_LEFT + 1, (SIGN)>::type result, x(a), y(b); \
        typedef decltype(result.V) type;                                                                       \
        result.V = type(x.V OP y.V);                                                                           \
        return result;                                                                                         \
    }                                                                                                          \
    STAND_IN_MIXED(OP)
#define STAND_IN_COMPARISON(OP)                                                                                \
    template <STAND_IN_ANY, STAND_IN_OTHER> bool operator OP(STAND_IN_ONE, STAND_IN_TWO) {                     \
        typedef typename stand_in::fixed<STAND_IN_LEFT + STAND_IN_FRAC, STAND_IN_LEFT, S || S2>::type type;    \
        return type(a).V OP type(b).V;                                                                         \
    }                                                                                                          \
    STAND_IN_MIXED(OP)

template <STAND_IN_ANY, STAND_IN_OTHER> auto operator*(STAND_IN_ONE, STAND_IN_TWO) {
    typename stand_in::fixed<W + W2, I + I2, S || S2>::type result;
    typedef decltype(result.V) type;
    result.V = type(type(a.V) * type(b.V));
    return result;
}
STAND_IN_MIXED(*)
STAND_IN_SUM(+, S || S2)
STAND_IN_SUM(-, true)
STAND_IN_COMPARISON(==)
STAND_IN_COMPARISON(!=)
STAND_IN_COMPARISON(<)
STAND_IN_COMPARISON(<=)
STAND_IN_COMPARISON(>)
STAND_IN_COMPARISON(>=)
template <STAND_IN_ANY> ap_fixed<W + 1, I + 1> operator-(STAND_IN_ONE) {
    ap_fixed<W + 1, I + 1> result(a);
    typedef decltype(result.V) type;
    result.V = type(-result.V);
    return result;
}

#undef STAND_IN_ANY
#undef STAND_IN_OTHER
#undef STAND_IN_ONE
#undef STAND_IN_TWO
#undef STAND_IN_FRAC
#undef STAND_IN_LEFT
#undef STAND_IN_MIXED
#undef STAND_IN_SUM
#undef STAND_IN_COMPARISON

#endif
