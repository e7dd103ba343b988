// Arrays of integers in NumPy's .npy format, little-endian and in C order: one read whole, one written row by row.
#ifndef HARNESS_NPY_H
#define HARNESS_NPY_H

#include <cstdio>
#include <string>
#include <vector>

namespace harness {

// Integers of any width, kept as they are in the file.
class array {
public:
    // Bytes behind the last that may be read, so that a word can be taken from the end.
    static constexpr size_t slack = 128;
    // Throws std::runtime_error with one line.
    explicit array(const std::string &path);
    const std::vector<size_t> &shape() const { return shape_; }
    long long operator[](size_t i) const;
    // `count` values from `first` on.
    void copy(size_t first, size_t count, long long *out) const;
    const unsigned char *bytes() const { return bytes_.data(); }
    // Of a value.
    size_t item() const { return item_; }

private:
    std::vector<size_t> shape_;
    std::vector<unsigned char> bytes_;
    char kind_ = 'i';
    size_t item_ = 8;
};

// Values are appended; the first dimension may be left open (0) until the file is closed.
class writer {
public:
    writer(const std::string &path, const char *descr, const std::vector<size_t> &shape);
    ~writer();
    writer(const writer &) = delete;
    writer &operator=(const writer &) = delete;
    void put(const unsigned char *values, size_t count);
    void put(const long long *values, size_t count);
    // `rows` is the first dimension.
    void close(size_t rows);

private:
    void header();
    void bytes(const void *data, size_t size);
    std::FILE *file_;
    std::string path_, descr_;
    std::vector<size_t> shape_;
};

}  // namespace harness

#endif
