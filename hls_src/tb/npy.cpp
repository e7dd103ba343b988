#include "npy.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace harness {

namespace {

const size_t header_size = 128;  // the format asks for a multiple of 64
const size_t longest_header = 1 << 16;  // what the first version of the format can say

std::runtime_error problem(const std::string &path, const std::string &what) {
    return std::runtime_error(path + ": " + what);
}

// A number, past which `at` moves; anything else is none. What no size can be is the largest there is.
bool number(const char *&at, size_t &value) {
    const char *first = at;
    for (value = 0; *at >= '0' && *at <= '9'; at++)
        value = value > SIZE_MAX / 10 - 1 ? SIZE_MAX : 10 * value + static_cast<size_t>(*at - '0');
    return at != first;
}

// A tuple of numbers as NumPy writes it: (), (3,) or (3, 4).
bool dimensions(const char *at, std::vector<size_t> &shape) {
    if (*at++ != '(') return false;
    while (*at != ')') {
        size_t dimension;
        if (!number(at, dimension)) return false;
        shape.push_back(dimension);
        if (*at == ',') at++;
        else if (*at != ')') return false;
        while (*at == ' ') at++;
    }
    return true;
}

// Bytes of an array, unless they are more than `most`.
bool fits(const std::vector<size_t> &shape, size_t item, size_t most, size_t &size) {
    size = item;
    for (size_t dimension : shape)
        if (dimension == 0) size = 0;
    for (size_t dimension : shape) {
        if (size > 0 && dimension > most / size) return false;
        size *= dimension;
    }
    return size <= most;
}

// The text after `key` in the dictionary of a header.
std::string entry(const std::string &path, const std::string &header, const std::string &key) {
    const size_t at = header.find("'" + key + "':");
    if (at == std::string::npos) throw problem(path, "no '" + key + "' in the header, not a .npy file");
    const size_t first = header.find_first_not_of(" ", at + key.size() + 3);
    return first == std::string::npos ? std::string() : header.substr(first);
}

// The dictionary of a file, which is left where the values begin.
std::string dictionary(const std::string &path, std::ifstream &file) {
    char start[8];
    unsigned char size[4] = {0, 0, 0, 0};
    bool ok = file.read(start, 8) && std::memcmp(start, "\x93NUMPY", 6) == 0 && start[6] >= 1 && start[6] <= 3;
    ok = ok && file.read(reinterpret_cast<char *>(size), start[6] == 1 ? 2 : 4);
    const size_t length = size[0] | size[1] << 8 | size[2] << 16 | static_cast<size_t>(size[3]) << 24;
    std::string header(ok && length <= longest_header ? length : 0, ' ');
    if (header.empty() || !file.read(&header[0], static_cast<std::streamsize>(length)))
        throw problem(path, "is no .npy file");
    return header;
}

}  // namespace

array::array(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const std::streamoff end = file ? static_cast<std::streamoff>(file.tellg()) : -1;
    if (end < 0) throw problem(path, "cannot be read");
    file.seekg(0);
    const std::string header = dictionary(path, file), descr = entry(path, header, "descr");
    const bool quoted = descr.size() > 4 && descr[0] == '\'' && descr[4] == '\'';
    const bool native = quoted && (descr[1] == '<' || (descr[1] == '|' && descr[3] == '1'));
    if (!native || (descr[2] != 'i' && descr[2] != 'u') || !std::strchr("1248", descr[3]))
        throw problem(path, "must hold little-endian integers");
    kind_ = descr[2];
    item_ = static_cast<size_t>(descr[3] - '0');
    if (entry(path, header, "fortran_order").compare(0, 5, "False") != 0) throw problem(path, "must be in C order");
    const size_t left = static_cast<size_t>(end - static_cast<std::streamoff>(file.tellg()));
    size_t size;
    if (!dimensions(entry(path, header, "shape").c_str(), shape_)) throw problem(path, "must have a shape of whole numbers");
    if (!fits(shape_, item_, left, size)) throw problem(path, "is cut off");
    if (size < left) throw problem(path, "is longer than its shape");
    bytes_.resize(size + slack);
    if (!file.read(reinterpret_cast<char *>(bytes_.data()), static_cast<std::streamsize>(size)))
        throw problem(path, "cannot be read");
}

long long array::operator[](size_t i) const {
    long long value;
    copy(i, 1, &value);
    return value;
}

void array::copy(size_t first, size_t count, long long *out) const {
    const unsigned char *from = bytes_.data() + first * item_;
    for (size_t i = 0; i < count; i++, from += item_) {
        unsigned long long bits = 0;
        for (size_t b = 0; b < item_; b++) bits |= static_cast<unsigned long long>(from[b]) << (8 * b);
        const unsigned unused = static_cast<unsigned>(64 - 8 * item_);
        out[i] = kind_ == 'i' ? static_cast<long long>(bits << unused) >> unused : static_cast<long long>(bits);
    }
}

writer::writer(const std::string &path, const char *descr, const std::vector<size_t> &shape)
    : file_(std::fopen(path.c_str(), "wb")), path_(path), descr_(descr), shape_(shape) {
    if (!file_) throw problem(path, "cannot be written");
    header();
}

writer::~writer() {
    if (file_) std::fclose(file_);
}

void writer::header() {
    std::string text = "{'descr': '" + descr_ + "', 'fortran_order': False, 'shape': (";
    for (size_t dimension : shape_) text += std::to_string(dimension) + ", ";
    text += "), }";
    text.resize(header_size - 11, ' ');
    text += '\n';
    const char magic[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<char>(header_size - 10), 0};
    bytes(magic, sizeof magic);
    bytes(text.data(), text.size());
}

void writer::bytes(const void *data, size_t size) {
    if (std::fwrite(data, 1, size, file_) != size) throw problem(path_, "cannot be written, is the disk full?");
}

void writer::put(const unsigned char *values, size_t count) { bytes(values, count); }

void writer::put(const long long *values, size_t count) { bytes(values, count * sizeof *values); }

void writer::close(size_t rows) {
    shape_[0] = rows;
    std::rewind(file_);
    header();
    std::FILE *file = file_;
    file_ = nullptr;
    if (std::fclose(file) != 0) throw problem(path_, "cannot be written, is the disk full?");
}

}  // namespace harness
