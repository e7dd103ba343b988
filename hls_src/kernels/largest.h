// The largest of some keys and where it is, the first of equals: a tree of comparisons that carries the key along, so
// that no array is read at an index found on the way.
#ifndef HLSPIKE_KERNELS_LARGEST_H
#define HLSPIKE_KERNELS_LARGEST_H

namespace hlspike {

template <class Key, class Place> struct peak {
    Key key;
    Place place;
};

template <class Key, class Place> peak<Key, Place> higher(const peak<Key, Place> &first, const peak<Key, Place> &second) {
#pragma HLS INLINE
    const bool second_wins = second.key > first.key;
    peak<Key, Place> found;
    found.key = second_wins ? second.key : first.key;
    found.place = second_wins ? second.place : first.place;
    return found;
}

// Of keys[First] to keys[First + N - 1].
template <class Key, class Place, int N, int First = 0> struct largest {
    static peak<Key, Place> of(const Key keys[]) {
#pragma HLS INLINE
        return higher(largest<Key, Place, (N + 1) / 2, First>::of(keys),
                      largest<Key, Place, N / 2, First + (N + 1) / 2>::of(keys));
    }
};
template <class Key, class Place, int First> struct largest<Key, Place, 1, First> {
    static peak<Key, Place> of(const Key keys[]) {
#pragma HLS INLINE
        peak<Key, Place> found;
        found.key = keys[First];
        found.place = First;
        return found;
    }
};

}  // namespace hlspike

#endif
