#include "npy.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace harness {

namespace {

const size_t header_size = 128;  // the format asks for a multiple of 64

std::runtime_error problem(const std::string &path, const std::string &what) {
    return std::runtime_error(path + ": " + what);
}

// The text after `key` in the dictionary of a header.
std::string entry(const std::string &path, const std::string &header, const std::string &key) {
    const size_t at = header.find("'" + key + "':");
    if (at == std::string::npos) throw problem(path, "no '" + key + "' in the header, not a .npy file");
    return header.substr(header.find_first_not_of(" ", at + key.size() + 3));
}

}  // namespace

array::array(const std::string &path) {
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (!file) throw problem(path, "cannot be read");
    char magic[8];
    unsigned char size[4] = {0, 0, 0, 0};
    bool ok = std::fread(magic, 1, 8, file) == 8 && std::memcmp(magic, "\x93NUMPY", 6) == 0;
    ok = ok && std::fread(size, 1, magic[6] == 1 ? 2 : 4, file) > 0;
    const size_t length = size[0] | size[1] << 8 | size[2] << 16 | static_cast<size_t>(size[3]) << 24;
    std::string header(ok ? length : 0, ' ');
    ok = ok && length > 0 && std::fread(&header[0], 1, length, file) == length;
    if (!ok) {
        std::fclose(file);
        throw problem(path, "is no .npy file");
    }
    const std::string descr = entry(path, header, "descr"), shape = entry(path, header, "shape");
    kind_ = descr[2];
    item_ = std::strtoul(descr.c_str() + 3, nullptr, 10);
    size_t count = 1;
    for (const char *at = shape.c_str() + 1; *at && *at != ')';) {
        char *end;
        const size_t dimension = std::strtoul(at, &end, 10);
        if (end == at) {
            at++;
            continue;
        }
        shape_.push_back(dimension);
        count *= dimension;
        at = end;
    }
    bytes_.resize(count * item_);
    const bool complete = std::fread(bytes_.data(), 1, bytes_.size(), file) == bytes_.size();
    std::fclose(file);
    if (!complete) throw problem(path, "is cut off");
    if ((kind_ != 'i' && kind_ != 'u') || item_ > 8 || descr[1] == '>')
        throw problem(path, "must hold little-endian integers");
    if (entry(path, header, "fortran_order")[0] == 'T') throw problem(path, "must be in C order");
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
