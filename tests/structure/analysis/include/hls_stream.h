// A stand-in for AMD's hls_stream.h: where a value comes from and goes to is known to nobody, so that every read and
// every write stays in the code.
#ifndef STAND_IN_HLS_STREAM_H
#define STAND_IN_HLS_STREAM_H

extern "C" {
void *stand_in_read(void *stream);
void *stand_in_write(void *stream);
}

namespace hls {

template <class T, int Depth = 0> class stream {
public:
    T read() { return *static_cast<const T *>(stand_in_read(this)); }
    void read(T &value) { value = read(); }
    void write(const T &value) { *static_cast<T *>(stand_in_write(this)) = value; }
    stream &operator>>(T &value) {
        value = read();
        return *this;
    }
    stream &operator<<(const T &value) {
        write(value);
        return *this;
    }
    bool empty() const;

private:
    char state_;
};

}  // namespace hls

#endif
