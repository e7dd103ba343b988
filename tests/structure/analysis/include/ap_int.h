// A stand-in for AMD's ap_int.h on integers of any width, so that clang keeps the width of every operation: only what
// the kernels use, with the types of results that AMD's headers give them.
#ifndef STAND_IN_AP_INT_H
#define STAND_IN_AP_INT_H

#include <type_traits>

namespace stand_in {

constexpr int most(int a, int b) { return a > b ? a : b; }

// Clang has no signed integer of one bit; one of two holds its values.
template <int W, bool S> struct storage { typedef unsigned _BitInt(W) type; };
template <int W> struct storage<W, true> { typedef signed _BitInt(W < 2 ? 2 : W) type; };

// The last W bits of an integer, with or without a sign. No function: it would return in parts that suit a processor.
#define STAND_IN_LAST_BITS(W, S, x)                                                                            \
    (typename stand_in::storage<W, S>::type)((W) == 1 && (S) ? (typename stand_in::storage<W, S>::type)-((x) & 1) \
                                                             : (typename stand_in::storage<W, S>::type)(x))

// Bits that hold a value of W bits without (S = 0) or with a sign beside one of the other kind.
constexpr int beside(int W, bool S, bool other) { return W + (other && !S); }
constexpr int both(int W, bool S, int W2, bool S2) { return most(beside(W, S, S2), beside(W2, S2, S)); }

}  // namespace stand_in

template <int W, bool S> struct ap_int_base;
template <int W> struct ap_int;
template <int W> struct ap_uint;

namespace stand_in {

template <int W, bool S> struct named { typedef ap_int<W> type; };
template <int W> struct named<W, false> { typedef ap_uint<W> type; };

template <class T, bool = std::is_integral<T>::value> struct plain;
template <class T> struct plain<T, true> {
    static constexpr int width = std::is_same<T, bool>::value ? 1 : 8 * sizeof(T);
    static constexpr bool sign = std::is_signed<T>::value;
    typedef ap_int_base<width, sign> type;
};

template <int W> struct machine {
    typedef typename std::conditional<
        (W <= 8), signed char,
        typename std::conditional<(W <= 16), short, typename std::conditional<(W <= 32), int, long long>::type>::type>::type
        type;
};

// Some bits of an integer, to be read or written.
template <class Owner> struct bits {
    Owner &owner;
    int high, low;
    template <class X> const bits &operator=(const X &value) const {
        owner.paste(high, low, value);
        return *this;
    }
    const bits &operator=(const bits &other) const { return *this = other.owner.cut(other.high, other.low); }
    operator bool() const { return owner.cut(high, low) != 0; }
};

}  // namespace stand_in

template <int W, bool S> struct ap_int_base {
    static constexpr int width = W;
    static constexpr bool sign_flag = S;
    typedef typename stand_in::storage<W, S>::type storage;
    typedef typename stand_in::machine<W>::type signed_machine;
    typedef typename std::conditional<
        W == 1 && !S, bool,
        typename std::conditional<S, signed_machine, typename std::make_unsigned<signed_machine>::type>::type>::type machine;
    storage V;

    ap_int_base() = default;
    // no default: an object that is copied by a function is passed in memory, where its type stays whole; others are
    // passed in parts that suit a processor
    ap_int_base(const ap_int_base &x) : V(x.V) {}
    ap_int_base &operator=(const ap_int_base &x) {
        V = x.V;
        return *this;
    }
    template <int W2, bool S2>
    ap_int_base(const ap_int_base<W2, S2> &x) : V(STAND_IN_LAST_BITS(W, S, (x.V))) {}
    template <class T, class = typename stand_in::plain<T>::type> ap_int_base(T x) : V(STAND_IN_LAST_BITS(W, S, (x))) {}
    template <class Owner> ap_int_base(const stand_in::bits<Owner> &x) : ap_int_base(x.owner.cut(x.high, x.low)) {}

    operator machine() const { return static_cast<machine>(V); }
    long long to_int64() const { return static_cast<long long>(V); }
    unsigned long long to_uint64() const { return static_cast<unsigned long long>(V); }

    ap_int_base<W, false> cut(int high, int low) const {
        typedef unsigned _BitInt(W) bits;
        const bits kept = high - low + 1 >= W ? bits(~bits(0)) : bits((bits(1) << (high - low + 1)) - 1);
        ap_int_base<W, false> result;
        result.V = bits(bits(bits(V) >> low) & kept);
        return result;
    }
    template <class X> void paste(int high, int low, const X &value) {
        typedef unsigned _BitInt(W) bits;
        const bits kept = high - low + 1 >= W ? bits(~bits(0)) : bits((bits(1) << (high - low + 1)) - 1);
        const bits moved = bits((bits(ap_int_base<W, false>(value).V) & kept) << low);
        // bits that nothing was assigned to are not read: they need not even be within the width
        const bits before = high - low + 1 >= W ? bits(0) : bits(V);
        V = STAND_IN_LAST_BITS(W, S, (bits((before & ~bits(kept << low)) | moved)));
    }
    stand_in::bits<ap_int_base> range(int high, int low) { return {*this, high, low}; }
    ap_int_base<W, false> range(int high, int low) const { return cut(high, low); }
    stand_in::bits<ap_int_base> operator()(int high, int low) { return {*this, high, low}; }
    ap_int_base<W, false> operator()(int high, int low) const { return cut(high, low); }
    stand_in::bits<ap_int_base> operator[](int i) { return {*this, i, i}; }
    bool operator[](int i) const { return cut(i, i).V != 0; }
    bool test(int i) const { return cut(i, i).V != 0; }

    ap_int_base &operator++() { return *this = ap_int_base(*this + ap_int_base<1, false>(1)); }
    ap_int_base &operator--() { return *this = ap_int_base(*this - ap_int_base<1, false>(1)); }
    ap_int_base operator++(int) {
        const ap_int_base before = *this;
        ++*this;
        return before;
    }
    template <class X> ap_int_base &operator+=(const X &x) { return *this = ap_int_base(*this + x); }
    template <class X> ap_int_base &operator-=(const X &x) { return *this = ap_int_base(*this - x); }
    template <class X> ap_int_base &operator*=(const X &x) { return *this = ap_int_base(*this * x); }
    template <class X> ap_int_base &operator&=(const X &x) { return *this = ap_int_base(*this & x); }
    template <class X> ap_int_base &operator|=(const X &x) { return *this = ap_int_base(*this | x); }
    template <class X> ap_int_base &operator^=(const X &x) { return *this = ap_int_base(*this ^ x); }
    ap_int_base &operator<<=(int places) { return *this = ap_int_base(*this << places); }
    ap_int_base &operator>>=(int places) { return *this = ap_int_base(*this >> places); }
};

#define STAND_IN_BINARY(OP, WIDTH, SIGN)                                                                       \
    template <int W, bool S, int W2, bool S2>                                                                  \
    typename stand_in::named<WIDTH, (SIGN)>::type operator OP(const ap_int_base<W, S> &a,                      \
                                                              const ap_int_base<W2, S2> &b) {                  \
        typedef typename stand_in::storage<WIDTH, (SIGN)>::type type;                                          \
        typename stand_in::named<WIDTH, (SIGN)>::type result;                                                  \
        result.V = STAND_IN_LAST_BITS(WIDTH, (SIGN), (type(type(a.V) OP type(b.V))));                           \
        return result;                                                                                         \
    }                                                                                                          \
    template <int W, bool S, class T> auto operator OP(const ap_int_base<W, S> &a, T b)                        \
        -> decltype(a OP typename stand_in::plain<T>::type(b)) {                                               \
        return a OP typename stand_in::plain<T>::type(b);                                                      \
    }                                                                                                          \
    template <int W, bool S, class T> auto operator OP(T a, const ap_int_base<W, S> &b)                        \
        -> decltype(typename stand_in::plain<T>::type(a) OP b) {                                               \
        return typename stand_in::plain<T>::type(a) OP b;                                                      \
    }
STAND_IN_BINARY(+, (stand_in::both(W, S, W2, S2) + 1), S || S2)
STAND_IN_BINARY(-, (stand_in::both(W, S, W2, S2) + 1), true)
STAND_IN_BINARY(*, (W + W2), S || S2)
STAND_IN_BINARY(&, (stand_in::both(W, S, W2, S2)), S || S2)
STAND_IN_BINARY(|, (stand_in::both(W, S, W2, S2)), S || S2)
STAND_IN_BINARY(^, (stand_in::both(W, S, W2, S2)), S || S2)
#undef STAND_IN_BINARY

#define STAND_IN_COMPARISON(OP)                                                                                \
    template <int W, bool S, int W2, bool S2>                                                                  \
    bool operator OP(const ap_int_base<W, S> &a, const ap_int_base<W2, S2> &b) {                               \
        typedef typename stand_in::storage<stand_in::both(W, S, W2, S2), S || S2>::type type;                  \
        return type(a.V) OP type(b.V);                                                                         \
    }                                                                                                          \
    template <int W, bool S, class T> auto operator OP(const ap_int_base<W, S> &a, T b)                        \
        -> decltype(a OP typename stand_in::plain<T>::type(b)) {                                               \
        return a OP typename stand_in::plain<T>::type(b);                                                      \
    }                                                                                                          \
    template <int W, bool S, class T> auto operator OP(T a, const ap_int_base<W, S> &b)                        \
        -> decltype(typename stand_in::plain<T>::type(a) OP b) {                                               \
        return typename stand_in::plain<T>::type(a) OP b;                                                      \
    }
STAND_IN_COMPARISON(==)
STAND_IN_COMPARISON(!=)
STAND_IN_COMPARISON(<)
STAND_IN_COMPARISON(<=)
STAND_IN_COMPARISON(>)
STAND_IN_COMPARISON(>=)
#undef STAND_IN_COMPARISON

template <int W, bool S> typename stand_in::named<W, S>::type operator~(const ap_int_base<W, S> &x) {
    typename stand_in::named<W, S>::type result;
    result.V = STAND_IN_LAST_BITS(W, S, (~x.V));
    return result;
}
template <int W, bool S> auto operator-(const ap_int_base<W, S> &x) -> decltype(ap_int_base<1, false>() - x) {
    return ap_int_base<1, false>(0) - x;
}
template <int W, bool S> bool operator!(const ap_int_base<W, S> &x) { return x.V == 0; }
// As AMD's, a shift keeps the type of what is shifted.
template <int W, bool S> typename stand_in::named<W, S>::type operator<<(const ap_int_base<W, S> &x, int places) {
    typename stand_in::named<W, S>::type result;
    result.V = places >= W ? 0 : STAND_IN_LAST_BITS(W, S, (x.V << places));
    return result;
}
template <int W, bool S> typename stand_in::named<W, S>::type operator>>(const ap_int_base<W, S> &x, int places) {
    typename stand_in::named<W, S>::type result;
    result.V = STAND_IN_LAST_BITS(W, S, (places < W ? x.V >> places : x.V < 0 ? -1 : 0));
    return result;
}

template <int W> struct ap_int : ap_int_base<W, true> {
    ap_int() = default;
    ap_int(const ap_int &x) : ap_int_base<W, true>(x) {}
    ap_int &operator=(const ap_int &) = default;
    template <class X> ap_int(const X &x) : ap_int_base<W, true>(x) {}
};
template <int W> struct ap_uint : ap_int_base<W, false> {
    ap_uint() = default;
    ap_uint(const ap_uint &x) : ap_int_base<W, false>(x) {}
    ap_uint &operator=(const ap_uint &) = default;
    template <class X> ap_uint(const X &x) : ap_int_base<W, false>(x) {}
};

#endif
