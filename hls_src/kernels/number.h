// Equations of exact numbers: what an operator gives is as wide as it has to be, and `into` alone rounds and confines,
// once for every state. The text of an equation is what a reader would write.
#ifndef HLSPIKE_KERNELS_NUMBER_H
#define HLSPIKE_KERNELS_NUMBER_H

#include "cast.h"

namespace hlspike {

// bits 2^-Frac; a signed integer of Held bits holds them.
template <int Frac, int Held, class Bits = exact<Held>> struct number {
    static constexpr int frac = Frac, held = Held;
    typedef exact<Held> type;
    Bits bits;
};

// A number of type T.
template <class T> using of = number<format<T>::frac, format<T>::held, raw<T>>;

template <class T, class Bits> of<T> exactly(const Bits &bits) {
    of<T> found;
    found.bits = raw<T>(bits);
    return found;
}

template <class To, int Frac, int Held, class Bits> of<To> into(const number<Frac, Held, Bits> &value) {
#pragma HLS INLINE
    of<To> found;
    found.bits = cast<To, Frac, Held>(exact<Held>(value.bits));
    return found;
}

// Both at the finer point of two, with a bit for the carry.
template <class A, class B> struct aligned {
    static constexpr int frac = most(A::frac, B::frac);
    static constexpr int held = 1 + most(A::held + frac - A::frac, B::held + frac - B::frac);
    typedef number<frac, held> sum;
    typedef exact<held> type;
    static type first(const A &a) { return raised<frac - A::frac>(type(a.bits)); }
    static type second(const B &b) { return raised<frac - B::frac>(type(b.bits)); }
};

#define HLSPIKE_TWO_NUMBERS                                                                                              \
    template <int FracA, int HeldA, class BitsA, int FracB, int HeldB, class BitsB, class A = number<FracA, HeldA, BitsA>, \
              class B = number<FracB, HeldB, BitsB>>

HLSPIKE_TWO_NUMBERS
typename aligned<A, B>::sum operator+(const number<FracA, HeldA, BitsA> &a, const number<FracB, HeldB, BitsB> &b) {
#pragma HLS INLINE
    typename aligned<A, B>::sum found;
    found.bits = aligned<A, B>::first(a) + aligned<A, B>::second(b);
    return found;
}
HLSPIKE_TWO_NUMBERS
typename aligned<A, B>::sum operator-(const number<FracA, HeldA, BitsA> &a, const number<FracB, HeldB, BitsB> &b) {
#pragma HLS INLINE
    typename aligned<A, B>::sum found;
    found.bits = aligned<A, B>::first(a) - aligned<A, B>::second(b);
    return found;
}
HLSPIKE_TWO_NUMBERS
number<FracA + FracB, HeldA + HeldB> operator*(const number<FracA, HeldA, BitsA> &a,
                                               const number<FracB, HeldB, BitsB> &b) {
#pragma HLS INLINE
    number<FracA + FracB, HeldA + HeldB> found;
    found.bits = product_of<HeldA + HeldB>(a.bits, b.bits);
    return found;
}
HLSPIKE_TWO_NUMBERS
bool operator>(const number<FracA, HeldA, BitsA> &a, const number<FracB, HeldB, BitsB> &b) {
#pragma HLS INLINE
    return aligned<A, B>::first(a) > aligned<A, B>::second(b);
}
#undef HLSPIKE_TWO_NUMBERS

template <int Frac, int Held, class Bits> number<Frac, Held + 1> operator-(const number<Frac, Held, Bits> &value) {
#pragma HLS INLINE
    number<Frac, Held + 1> found;
    found.bits = -exact<Held + 1>(value.bits);
    return found;
}

// The value, or 0.
template <int Frac, int Held, class Bits> number<Frac, Held> where(bool there, const number<Frac, Held, Bits> &value) {
#pragma HLS INLINE
    number<Frac, Held> found;
    found.bits = there ? exact<Held>(value.bits) : exact<Held>(0);
    return found;
}

// The value taken off, or added.
template <int Frac, int Held, class Bits>
number<Frac, Held + 1> less(bool taken, const number<Frac, Held, Bits> &value) {
#pragma HLS INLINE
    number<Frac, Held + 1> found;
    const exact<Held + 1> wide = value.bits;
    found.bits = taken ? exact<Held + 1>(-wide) : wide;
    return found;
}

template <int Frac, int Held, class Bits> number<Frac, Held + 1> twice(const number<Frac, Held, Bits> &value) {
#pragma HLS INLINE
    number<Frac, Held + 1> found;
    found.bits = raised<1>(exact<Held + 1>(value.bits));
    return found;
}

}  // namespace hlspike

#endif
