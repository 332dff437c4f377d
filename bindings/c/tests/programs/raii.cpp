// The C++ header: ownership, exceptions, error codes, every shape of frame.
#include "ome_stream.hpp"

#include <array>
#include <cstdlib>
#include <iostream>
#include <type_traits>
#include <vector>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            std::cerr << __FILE__ << ":" << __LINE__ << ": not so: " << #condition << "\n";    \
            std::exit(1);                                                                      \
        }                                                                                      \
    } while (false)

static_assert(!std::is_copy_constructible_v<ome::Stream> && !std::is_copy_assignable_v<ome::Stream>);
static_assert(std::is_nothrow_move_constructible_v<ome::Stream> && std::is_nothrow_move_assignable_v<ome::Stream>);

static std::string settings(const std::string &folder, const std::string &name, const std::string &count) {
    return R"({"root_path": ")" + folder + "/" + name + R"(.ome.zarr", "dtype": "uint16", "dimensions": [
        {"name": "t", "count": )" + count + R"(}, {"name": "y", "count": 4}, {"name": "x", "count": 8}]})";
}

static int code_of(void (*call)(ome::Stream &), ome::Stream &stream) {
    try {
        call(stream);
    } catch (const ome::Error &error) {
        CHECK(error.code().category() == ome::category());
        CHECK(std::string(error.what()).size() > 20);
        return error.code().value();
    }
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    const std::string folder = argv[1];
    const std::vector<std::uint16_t> vector(32, 1);
    const std::array<std::uint16_t, 32> array{};
    const std::uint16_t plain[32] = {};
    const std::vector<unsigned char> bytes(64);

    ome::Stream stream(settings(folder, "a", "7"));
    CHECK(ome::estimate_memory(settings(folder, "b", "7")) >= 64);
    CHECK(ome::backends().find("zarrs") != std::string::npos);
    CHECK(stream.frame_bytes() == 64);
    CHECK(ome::plan(settings(folder, "a", "7")) == stream.planned());
    CHECK(stream.planned().find("\"frames\":7,\"frame_bytes\":64") != std::string::npos);
    const ome::Place place = stream.place_of(5);
    CHECK(place.position == 0 && place.axes == 1 && place.index[0] == 5 && stream.frame_of(place) == 5);
    CHECK(stream.array_path(0) == folder + "/a.ome.zarr/0");
    CHECK(code_of([](ome::Stream &s) { s.place_of(7); }, stream) == OME_STREAM_NOT_DECLARED);
    CHECK(stream.append(vector) == 0);
    CHECK(stream.append(array, R"({"exposure_ms": 1})") == 1);
    CHECK(stream.append(plain) == 2);
    CHECK(stream.append(bytes) == 3);
    CHECK(stream.append({vector.data(), vector.size()}) == 4);
    CHECK(stream.append(ome::Frame(static_cast<const void *>(plain), 64)) == 5);
    CHECK(stream.try_append(vector));

    // Exceptions carry the library's code and message.
    CHECK(code_of([](ome::Stream &s) { s.append(std::vector<std::uint16_t>(31)); }, stream) == OME_STREAM_FRAME_SIZE);
    CHECK(code_of([](ome::Stream &s) { s.append(std::vector<std::uint16_t>(32)); }, stream) == OME_STREAM_TOO_MANY_FRAMES);
    CHECK(code_of([](ome::Stream &s) { s.try_append(std::vector<std::uint16_t>(32)); }, stream) == OME_STREAM_TOO_MANY_FRAMES);
    CHECK(code_of([](ome::Stream &s) { s.skip(1); }, stream) == OME_STREAM_TOO_MANY_FRAMES);
    CHECK(code_of([](ome::Stream &s) { s.set_metadata("ome", "{}"); }, stream) == OME_STREAM_INVALID_METADATA);

    // Error codes are noexcept and leave the message to last_error.
    std::error_code error;
    static_assert(noexcept(stream.append(vector, error)) && noexcept(stream.finish(error)) && noexcept(stream.status(error)));
    stream.append(vector, error);
    CHECK(error == ome::make_error_code(OME_STREAM_TOO_MANY_FRAMES) && error.message() == "OME_STREAM_TOO_MANY_FRAMES");
    CHECK(ome::last_error().find("too many frames") == 0);
    CHECK(!ome::Stream::create("{}", error).get() && error.value() == OME_STREAM_INVALID_SETTINGS);

    // Moving hands the handle on; what is left holds none.
    ome::Stream moved(std::move(stream));
    CHECK(stream.get() == nullptr);
    CHECK(code_of([](ome::Stream &s) { s.append(std::vector<std::uint16_t>(32)); }, stream) == OME_STREAM_NULL_POINTER);
    ome_stream_t *const freed = moved.get();
    moved = ome::Stream(settings(folder, "c", "null"));
    CHECK(ome_stream_finish(freed) == OME_STREAM_INVALID_HANDLE);
    moved.append(vector);
    moved.finish();
    moved.finish();
    CHECK(moved.status().find("\"durable\":1") != std::string::npos);
    CHECK(moved.path() == folder + "/c.ome.zarr");
    CHECK(code_of([](ome::Stream &s) { s.append(std::vector<std::uint16_t>(32)); }, moved) == OME_STREAM_FINISHED);

    // An abort is no failure; what comes after it is refused.
    ome::Stream given_up(settings(folder, "e", "null"));
    given_up.append(vector);
    given_up.abort();
    given_up.abort(error);
    CHECK(!error);
    CHECK(code_of([](ome::Stream &s) { s.finish(); }, given_up) == OME_STREAM_ABORTED);
    CHECK(given_up.status().find("\"aborted\":true") != std::string::npos);

    // The destructor frees, also while an exception passes; a message quotes the beginning of a long name.
    ome_stream_t *handle = nullptr;
    const std::string name(1500, 'n');
    try {
        ome::Stream inner(settings(folder, "d", "3"));
        handle = inner.get();
        inner.set_metadata(name, "nonsense");
        CHECK(false);
    } catch (const ome::Error &thrown) {
        CHECK(std::string(thrown.what()).find(name.substr(0, 60)) != std::string::npos);
    }
    CHECK(ome_stream_finish(handle) == OME_STREAM_INVALID_HANDLE);
    std::cout << "ok\n";
}
