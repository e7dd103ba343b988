// Numbers. Generated text names each value's type as AMD does, ap_fixed<W, I, Q, O>; kernels compute on mantissas, the
// bits without the binary point, and put every point in its place at compile time.
#ifndef HLSPIKE_KERNELS_AP_H
#define HLSPIKE_KERNELS_AP_H

#include <ap_fixed.h>
#include <ap_int.h>

#include <type_traits>

#ifdef __SYNTHESIS__
#define HLSPIKE_EXACT_WIDTH
#endif

namespace hlspike {

constexpr int least(int a, int b) { return a < b ? a : b; }
constexpr int most(int a, int b) { return a > b ? a : b; }

// Bits by which a sum of n values can be wider than one of them.
constexpr int log2_up(int n) { return n <= 1 ? 0 : 1 + log2_up((n + 1) / 2); }

// Bits of a number from 0 to n.
constexpr int bits_of(unsigned long long n) { return n <= 1 ? 1 : 1 + bits_of(n / 2); }

// The integer in which mantissas are stored and sums are formed: of the hardware's own width where hardware is made, and
// in C simulation the machine integer that holds Held bits, because g++ makes vectors of those while AMD's headers
// store every ap_int through a volatile (1:5 in speed), and would build an array of them element by element when the
// program starts. No value depends on the choice: Held bits overflow nowhere, and a sum taken modulo 2^Width is the same
// whether each addition is or only the last. -DHLSPIKE_EXACT_WIDTH simulates the hardware's.
#ifdef HLSPIKE_EXACT_WIDTH
template <int Width, int Held = Width> struct word { typedef ap_int<Width> type; };
template <int Width> struct natural { typedef ap_uint<Width> type; };
template <int Last> struct counter { typedef ap_uint<bits_of(Last)> type; };
typedef ap_uint<1> bit_t;
#else
template <int Held, int Fits = (Held <= 8) + (Held <= 16) + (Held <= 32) + (Held <= 64)> struct machine {
    typedef ap_int<Held> type;
};
template <int Held> struct machine<Held, 4> { typedef signed char type; };
template <int Held> struct machine<Held, 3> { typedef short type; };
template <int Held> struct machine<Held, 2> { typedef int type; };
template <int Held> struct machine<Held, 1> { typedef long long type; };
template <int Width, int Held = Width> struct word { typedef typename machine<Held>::type type; };
template <int Width> struct natural { typedef typename machine<Width + 1>::type type; };
template <int Last> struct counter { typedef int type; };
typedef bool bit_t;
#endif
// `natural` holds Width bits without a sign; `counter` counts from 0 to Last.

// What the name of a type says; `held` counts a sign where the type has none.
template <class T> struct format;
template <int W, int I, ap_q_mode Q, ap_o_mode O, bool Signed> struct fixed_format {
    static constexpr int width = W, frac = W - I, held = W + !Signed;
    static constexpr bool is_signed = Signed;
    static constexpr ap_q_mode quantization = Q;
    static constexpr ap_o_mode overflow = O;
};
template <int W> struct format<ap_uint<W>> : fixed_format<W, W, AP_TRN, AP_WRAP, false> {};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct format<ap_fixed<W, I, Q, O, N>> : fixed_format<W, I, Q, O, true> {};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct format<ap_ufixed<W, I, Q, O, N>> : fixed_format<W, I, Q, O, false> {};

// A spike is one bit, and nothing else is: ap_uint<1> as the type of a value selects the kernels without multiplier.
template <class T> struct is_spike { static constexpr bool value = false; };
template <> struct is_spike<ap_uint<1>> { static constexpr bool value = true; };

// The mantissa of a T.
template <class T, bool Signed = format<T>::is_signed> struct mantissa : word<format<T>::width> {};
template <class T> struct mantissa<T, false> : natural<format<T>::width> {};
template <> struct mantissa<ap_uint<1>, false> { typedef bit_t type; };
template <class T> using raw = typename mantissa<T>::type;

template <class T>
using bits_in = typename std::conditional<format<T>::is_signed, ap_int<T::width>, ap_uint<T::width>>::type;

template <class T> T from_mantissa(const raw<T> &mantissa) {
    const bits_in<T> bits = mantissa;
    T value;
    value.range(T::width - 1, 0) = bits;
    return value;
}

template <class T> raw<T> to_mantissa(const T &value) {
    bits_in<T> bits;
    bits.range(T::width - 1, 0) = value.range(T::width - 1, 0);
    return raw<T>(bits);
}

// Signed integers that hold all they are given: a value, a product of two, a value moved to the left.
template <int Width> using exact = typename word<Width>::type;
#ifdef HLSPIKE_EXACT_WIDTH
template <int Width, class A, class B> exact<Width> product_of(const A &a, const B &b) { return a * b; }
#else
template <int Width, class A, class B> exact<Width> product_of(const A &a, const B &b) {
    return exact<Width>(a) * exact<Width>(b);
}
#endif
template <int Places, int W> ap_int<W> raised(const ap_int<W> &value) { return value << Places; }
// not by <<, which C++ does not define for a value below 0
template <int Places, class T> T raised(const T &value) { return value * (T(1) << Places); }

}  // namespace hlspike

#endif
