// ome_stream for C++17: header-only, over ome_stream.h, which is the manual.
//
//     ome::Stream stream(settings_json);            // throws ome::Error
//     stream.append(pixels);                        // std::vector, std::array, std::span, an array, or {pointer, count}
//     stream.finish();                              // the destructor finishes too, but cannot tell what went wrong
//
// Every function comes twice, as in std::filesystem: one throws ome::Error (with the library's message), one takes a
// std::error_code, is noexcept and leaves the message to ome::last_error(). Without exceptions (-fno-exceptions) only
// the second kind is there.
#ifndef OME_STREAM_HPP
#define OME_STREAM_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "ome_stream.h"

namespace ome {

namespace detail {

class Category final : public std::error_category {
public:
    const char *name() const noexcept override { return "ome_stream"; }
    std::string message(int code) const override { return ome_stream_error_name(code); }
};

// Asks a function that fills a buffer, again until the buffer is large enough: answers may grow between two calls.
template <class Ask>
int32_t text(std::string &out, Ask ask) noexcept {
#if defined(__cpp_exceptions)
    try {
#endif
        std::string buffer(1024, '\0');
        for (;;) {
            uint64_t needed = 0;
            const int32_t code = ask(&buffer[0], static_cast<uint64_t>(buffer.size()), &needed);
            if (code == OME_STREAM_BUFFER_TOO_SMALL) {
                buffer.resize(static_cast<std::size_t>(needed));
                continue;
            }
            if (code == OME_STREAM_OK) {
                buffer.resize(static_cast<std::size_t>(needed) - 1);
                out = std::move(buffer);
            }
            return code;
        }
#if defined(__cpp_exceptions)
    } catch (const std::bad_alloc &) {
        return OME_STREAM_INTERNAL;
    }
#endif
}

} // namespace detail

// The category of this library's codes.
inline const std::error_category &category() noexcept {
    static const detail::Category instance;
    return instance;
}

// A code of ome_stream.h as std::error_code.
inline std::error_code make_error_code(int32_t code) noexcept { return {code, category()}; }

// Message of this thread's last failed call.
inline std::string last_error() noexcept {
    std::string message;
    detail::text(message, [](char *buf, uint64_t len, uint64_t *needed) { return ome_stream_last_error(buf, len, needed); });
    return message;
}

#if defined(__cpp_exceptions)
// A failed call: code() is the number of ome_stream.h, what() has the library's message.
class Error : public std::system_error {
public:
    explicit Error(int32_t code) : std::system_error(make_error_code(code), last_error()) {}
};

namespace detail {
inline void check(const std::error_code &error) {
    if (error) {
        throw Error(error.value());
    }
}
} // namespace detail
#endif

// A view of one frame's pixels: rows one after another, no padding. Owns nothing.
class Frame {
public:
    template <class Pixel>
    Frame(const Pixel *pixels, std::size_t count) noexcept : data_(pixels), bytes_(count * sizeof(Pixel)) {
        static_assert(std::is_trivially_copyable_v<Pixel>, "pixels are plain numbers");
    }
    Frame(const void *data, uint64_t bytes) noexcept : data_(data), bytes_(bytes) {}

    // Anything contiguous that std::data and std::size know: std::vector, std::array, std::span, built-in arrays.
    template <class Pixels, class Pixel = std::remove_pointer_t<decltype(std::data(std::declval<const Pixels &>()))>,
              class = std::enable_if_t<!std::is_same_v<std::decay_t<Pixels>, Frame>>>
    Frame(const Pixels &pixels) noexcept : Frame(std::data(pixels), std::size(pixels)) {}

    const void *data() const noexcept { return data_; }
    uint64_t size_bytes() const noexcept { return bytes_; }

private:
    const void *data_;
    uint64_t bytes_;
};

// Where a frame lies: `axes` coordinates of `index` along the axes before rows and columns, in storage order.
struct Place {
    uint64_t position = 0;
    uint64_t index[3] = {};
    uint64_t axes = 0;
};

// One acquisition being written. Movable, not copyable; freed (and finished, if need be) by the destructor.
class Stream {
    template <class Ask>
    static std::string text(std::error_code &error, Ask ask) noexcept {
        std::string answer;
        error = make_error_code(detail::text(answer, ask));
        return answer;
    }

#if defined(__cpp_exceptions)
    template <class Call>
    static auto checked(Call call) {
        std::error_code error;
        if constexpr (std::is_void_v<decltype(call(error))>) {
            call(error);
            detail::check(error);
        } else {
            auto answer = call(error);
            detail::check(error);
            return answer;
        }
    }
#endif

public:
    // Holds no stream: every call but finish and close gives OME_STREAM_NULL_POINTER.
    Stream() noexcept = default;
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    Stream(Stream &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Stream &operator=(Stream &&other) noexcept {
        if (this != &other) {
            close();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Stream() { close(); }

    static Stream create(const char *settings_json, std::error_code &error) noexcept {
        Stream stream;
        error = make_error_code(ome_stream_create(settings_json, &stream.handle_));
        return stream;
    }

    // Frame number; 0 on failure.
    uint64_t append(Frame frame, const char *metadata_json, std::error_code &error) noexcept {
        uint64_t number = 0;
        error = make_error_code(ome_stream_append(handle_, frame.data(), frame.size_bytes(), metadata_json, &number));
        return number;
    }
    uint64_t append(Frame frame, std::error_code &error) noexcept { return append(frame, nullptr, error); }

    // False where there is no room now (`error` is OME_STREAM_FULL) and on failure.
    bool try_append(Frame frame, const char *metadata_json, std::error_code &error) noexcept {
        error = make_error_code(ome_stream_try_append(handle_, frame.data(), frame.size_bytes(), metadata_json, nullptr));
        return !error;
    }

    // Waits for room no longer than so many milliseconds: OME_STREAM_TIMED_OUT.
    uint64_t append_within(Frame frame, const char *metadata_json, uint64_t milliseconds, std::error_code &error) noexcept {
        uint64_t number = 0;
        error = make_error_code(ome_stream_append_within(handle_, frame.data(), frame.size_bytes(), metadata_json,
                                                         milliseconds, &number));
        return number;
    }

    // Until a frame, and every one before it, is OME_STREAM_STATE_WRITTEN, OME_STREAM_STATE_DURABLE or OME_STREAM_STATE_READABLE.
    void wait(uint64_t frame, int32_t state, uint64_t milliseconds, std::error_code &error) noexcept {
        error = make_error_code(ome_stream_wait(handle_, frame, state, milliseconds));
    }

    // Calls off what waits now in other threads.
    void cancel(std::error_code &error) noexcept { error = make_error_code(ome_stream_cancel(handle_)); }

    void skip(uint64_t frames, std::error_code &error) noexcept {
        error = make_error_code(ome_stream_skip(handle_, frames));
    }

    void set_metadata(const char *name_space, const char *json, std::error_code &error) noexcept {
        error = make_error_code(ome_stream_set_metadata(handle_, name_space, json));
    }

    uint64_t frame_bytes(std::error_code &error) const noexcept {
        uint64_t bytes = 0;
        error = make_error_code(ome_stream_frame_bytes(handle_, &bytes));
        return bytes;
    }

    // JSON; the fields stand at ome_stream_status.
    std::string status(std::error_code &error) const noexcept {
        return text(error, [this](char *buf, uint64_t len, uint64_t *needed) {
            return ome_stream_status(handle_, buf, len, needed);
        });
    }

    std::string path(std::error_code &error) const noexcept {
        return text(error, [this](char *buf, uint64_t len, uint64_t *needed) {
            return ome_stream_path(handle_, buf, len, needed);
        });
    }

    // What was planned, as JSON; the fields stand at ome_stream_plan.
    std::string planned(std::error_code &error) const noexcept {
        return text(error, [this](char *buf, uint64_t len, uint64_t *needed) {
            return ome_stream_planned(handle_, buf, len, needed);
        });
    }

    // Where a frame goes, and the frame that goes to a place: OME_STREAM_NOT_DECLARED where there is none.
    Place place_of(uint64_t frame, std::error_code &error) const noexcept {
        Place place;
        error = make_error_code(ome_stream_place_of(handle_, frame, &place.position, place.index, 3, &place.axes));
        return place;
    }
    uint64_t frame_of(const Place &place, std::error_code &error) const noexcept {
        uint64_t frame = 0;
        error = make_error_code(ome_stream_frame_of(handle_, place.position, place.index, place.axes, &frame));
        return frame;
    }

    // Folder of the array of a level of a position.
    std::string array_path(uint64_t position, uint32_t level, std::error_code &error) const noexcept {
        return text(error, [this, position, level](char *buf, uint64_t len, uint64_t *needed) {
            return ome_stream_array_path(handle_, position, level, buf, len, needed);
        });
    }

    void finish(std::error_code &error) noexcept { error = make_error_code(ome_stream_finish(handle_)); }

    // Keeps what was written, gives up the rest, and does not wait for it.
    void abort(std::error_code &error) noexcept { error = make_error_code(ome_stream_abort(handle_)); }

    // Finishes if need be and frees now. What goes wrong here is not told: finish() first.
    void close() noexcept { ome_stream_free(std::exchange(handle_, nullptr)); }

    // The C handle; still owned here.
    ome_stream_t *get() const noexcept { return handle_; }

#if defined(__cpp_exceptions)
    explicit Stream(const std::string &settings_json) { detail::check(make_error_code(ome_stream_create(settings_json.c_str(), &handle_))); }

    uint64_t append(Frame frame, const char *metadata_json = nullptr) {
        return checked([&](std::error_code &error) { return append(frame, metadata_json, error); });
    }

    // False where there is no room now: the frame is still yours. Throws for everything else.
    bool try_append(Frame frame, const char *metadata_json = nullptr) {
        std::error_code error;
        const bool taken = try_append(frame, metadata_json, error);
        if (error.value() != OME_STREAM_FULL) {
            detail::check(error);
        }
        return taken;
    }

    uint64_t append_within(Frame frame, const char *metadata_json, uint64_t milliseconds) {
        return checked([&](std::error_code &error) { return append_within(frame, metadata_json, milliseconds, error); });
    }
    void wait(uint64_t frame, int32_t state, uint64_t milliseconds = UINT64_MAX) {
        checked([&](std::error_code &error) { wait(frame, state, milliseconds, error); });
    }
    void cancel() {
        checked([&](std::error_code &error) { cancel(error); });
    }
    void skip(uint64_t frames) {
        checked([&](std::error_code &error) { skip(frames, error); });
    }
    void set_metadata(const std::string &name_space, const std::string &json) {
        checked([&](std::error_code &error) { set_metadata(name_space.c_str(), json.c_str(), error); });
    }
    uint64_t frame_bytes() const {
        return checked([&](std::error_code &error) { return frame_bytes(error); });
    }
    std::string status() const {
        return checked([&](std::error_code &error) { return status(error); });
    }
    std::string path() const {
        return checked([&](std::error_code &error) { return path(error); });
    }
    std::string planned() const {
        return checked([&](std::error_code &error) { return planned(error); });
    }
    Place place_of(uint64_t frame) const {
        return checked([&](std::error_code &error) { return place_of(frame, error); });
    }
    uint64_t frame_of(const Place &place) const {
        return checked([&](std::error_code &error) { return frame_of(place, error); });
    }
    std::string array_path(uint64_t position, uint32_t level = 0) const {
        return checked([&](std::error_code &error) { return array_path(position, level, error); });
    }
    void finish() {
        checked([&](std::error_code &error) { finish(error); });
    }
    void abort() {
        checked([&](std::error_code &error) { abort(error); });
    }
#endif

private:
    ome_stream_t *handle_ = nullptr;
};

// Version of the library.
inline const char *version() noexcept { return ome_stream_version(); }

// The engines of this build, as JSON.
inline std::string backends(std::error_code &error) noexcept {
    std::string answer;
    error = make_error_code(detail::text(answer, [](char *buf, uint64_t len, uint64_t *needed) {
        return ome_stream_backends(buf, len, needed);
    }));
    return answer;
}

// Most bytes of memory that a stream with these settings will hold.
inline uint64_t estimate_memory(const char *settings_json, std::error_code &error) noexcept {
    uint64_t bytes = 0;
    error = make_error_code(ome_stream_estimate_memory(settings_json, &bytes));
    return bytes;
}

// What a stream with these settings will be, as JSON; touches no disk.
inline std::string plan(const char *settings_json, std::error_code &error) noexcept {
    std::string answer;
    error = make_error_code(detail::text(answer, [=](char *buf, uint64_t len, uint64_t *needed) {
        return ome_stream_plan(settings_json, buf, len, needed);
    }));
    return answer;
}

#if defined(__cpp_exceptions)
inline std::string plan(const std::string &settings_json) {
    std::error_code error;
    std::string answer = plan(settings_json.c_str(), error);
    detail::check(error);
    return answer;
}

inline std::string backends() {
    std::error_code error;
    std::string answer = backends(error);
    detail::check(error);
    return answer;
}

inline uint64_t estimate_memory(const std::string &settings_json) {
    std::error_code error;
    const uint64_t bytes = estimate_memory(settings_json.c_str(), error);
    detail::check(error);
    return bytes;
}
#endif

} // namespace ome

#endif // OME_STREAM_HPP
