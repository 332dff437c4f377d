// A camera thread and a display thread over one stream, with back-pressure that the host handles itself.
//
// The camera cannot wait: where the disk is behind, try_append says so at once, and the host decides. Here it keeps a few
// frames of its own and tries again with the next one; only when these are used up is a frame given up, and then its
// place is passed over, so that every later frame still lies where it belongs.
//
//     c++ -std=c++17 camera.cpp $(pkg-config --cflags --libs ome_stream) -pthread -o camera && ./camera run.ome.zarr
#include <ome_stream.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr unsigned frames = 300;
constexpr std::size_t side = 512;
constexpr std::size_t own_frames = 8;

using Pixels = std::vector<std::uint16_t>;

std::string settings(const std::string &path) {
    const std::string size = std::to_string(side);
    return R"({"root_path": ")" + path + R"(", "dtype": "uint16", "compression": "blosc-lz4",
        "memory_limit": 33554432, "dimensions": [
            {"name": "t", "count": null, "unit": "millisecond", "scale": 5},
            {"name": "y", "count": )" + size + R"(, "unit": "micrometer", "scale": 0.1},
            {"name": "x", "count": )" + size + R"(, "unit": "micrometer", "scale": 0.1}]})";
}

// Stands for the camera's driver.
Pixels expose(unsigned frame) {
    Pixels pixels(side * side);
    for (std::size_t at = 0; at < pixels.size(); ++at) {
        pixels[at] = static_cast<std::uint16_t>(frame + at % side);
    }
    return pixels;
}

// A frame that waits for room, or the mark of one that was given up.
struct Waiting {
    Pixels pixels;
    bool given_up = false;
};

class Camera {
public:
    explicit Camera(ome::Stream &stream) : stream_(stream) {}

    void take(Pixels pixels) {
        if (kept_ == own_frames) {
            waiting_.push_back({{}, true});
            ++given_up_;
        } else {
            waiting_.push_back({std::move(pixels), false});
            ++kept_;
        }
        while (!waiting_.empty() && hand_over(waiting_.front(), false)) {
            waiting_.pop_front();
        }
    }

    // After the last exposure there is time to wait for room.
    unsigned drain() {
        for (const Waiting &each : waiting_) {
            hand_over(each, true);
        }
        waiting_.clear();
        return given_up_;
    }

private:
    bool hand_over(const Waiting &frame, bool wait) {
        if (frame.given_up) {
            stream_.skip(1);
            return true;
        }
        if (wait) {
            stream_.append(frame.pixels);
        } else if (!stream_.try_append(frame.pixels)) {
            return false;
        }
        --kept_;
        return true;
    }

    ome::Stream &stream_;
    std::deque<Waiting> waiting_;
    std::size_t kept_ = 0;
    unsigned given_up_ = 0;
};

} // namespace

int main(int argc, char **argv) {
    try {
        ome::Stream stream(settings(argc > 1 ? argv[1] : "run"));
        std::atomic<bool> running{true};
        std::exception_ptr failure;
        unsigned given_up = 0;

        std::thread acquisition([&] {
            try {
                Camera camera(stream);
                for (unsigned frame = 0; frame < frames; ++frame) {
                    camera.take(expose(frame));
                }
                given_up = camera.drain();
            } catch (...) {
                failure = std::current_exception();
            }
            running = false;
        });
        // The display: status may be asked from any thread, and never holds the camera up.
        while (running) {
            std::cerr << stream.status() << "\n";
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        acquisition.join();
        if (failure) {
            std::rethrow_exception(failure);
        }
        stream.finish();
        std::cout << stream.path() << ": " << frames - given_up << " frames, " << given_up << " given up\n";
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
