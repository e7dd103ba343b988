// Arbitrary-precision types, and the way between a number and its mantissa: the bits without the binary point.
// The generator has resolved every binary point, so kernels sum integers.
#ifndef HLSPIKE_KERNELS_AP_H
#define HLSPIKE_KERNELS_AP_H

#include <ap_fixed.h>
#include <ap_int.h>

#ifdef __SYNTHESIS__
#define HLSPIKE_EXACT_WIDTH
#endif

namespace hlspike {

typedef ap_uint<1> bit_t;

// A spike is one bit, and nothing else is: ap_uint<1> as the type of a value selects the kernels without multiplier.
template <class T> struct is_spike { static constexpr bool value = false; };
template <> struct is_spike<bit_t> { static constexpr bool value = true; };

template <class T> struct is_signed;
template <int W> struct is_signed<ap_uint<W>> { static constexpr bool value = false; };
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct is_signed<ap_fixed<W, I, Q, O, N>> {
    static constexpr bool value = true;
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct is_signed<ap_ufixed<W, I, Q, O, N>> {
    static constexpr bool value = false;
};

// The same value with a sign: AMD's headers compare machine integers, and C++ takes a negative one for a large one
// where the other has no sign.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
const ap_fixed<W, I, Q, O, N> &with_sign(const ap_fixed<W, I, Q, O, N> &value) {
    return value;
}
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
ap_fixed<W + 1, I + 1> with_sign(const ap_ufixed<W, I, Q, O, N> &value) {
    return value;
}

template <class T, bool Signed = is_signed<T>::value> struct mantissa { typedef ap_int<T::width> type; };
template <class T> struct mantissa<T, false> { typedef ap_uint<T::width> type; };

// Every machine integer of a mantissa is a long long; wider values are no parameters and are not traced.
template <class T> T from_mantissa(const typename mantissa<T>::type &bits) {
    T value;
    value.range(T::width - 1, 0) = bits;
    return value;
}

template <class T> typename mantissa<T>::type to_mantissa(const T &value) {
    typename mantissa<T>::type bits;
    bits.range(T::width - 1, 0) = value.range(T::width - 1, 0);
    return bits;
}

// The integer in which sums are formed: of the hardware's own width where hardware is made, and in C simulation the
// machine integer that holds Held bits, because g++ vectorises those while AMD's headers store every ap_int through
// a volatile (1:5 in speed). No value depends on the choice: Held bits overflow nowhere, and a sum taken modulo
// 2^Width is the same whether each addition is or only the last. -DHLSPIKE_EXACT_WIDTH simulates the hardware's.
#ifdef HLSPIKE_EXACT_WIDTH
template <int Width, int Held> struct word { typedef ap_int<Width> type; };
#else
template <int Held, bool Int = (Held <= 32), bool Long = (Held <= 64)> struct machine { typedef ap_int<Held> type; };
template <int Held> struct machine<Held, true, true> { typedef int type; };
template <int Held> struct machine<Held, false, true> { typedef long long type; };
template <int Width, int Held> struct word { typedef typename machine<Held>::type type; };
#endif

}  // namespace hlspike

#endif
