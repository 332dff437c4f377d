// The C++ header where exceptions are off (compiled with -fno-exceptions): error codes do everything.
#include "ome_stream.hpp"

#include <cstdio>

int main(int argc, char **argv) {
    if (argc != 2) {
        return 2;
    }
    const std::string settings = std::string(R"({"root_path": ")") + argv[1] + R"(/run.ome.zarr", "dtype": "uint8",
        "dimensions": [{"name": "t", "count": 2}, {"name": "y", "count": 4}, {"name": "x", "count": 8}]})";
    std::error_code error;
    ome::Stream stream = ome::Stream::create(settings.c_str(), error);
    const unsigned char pixels[32] = {};
    if (error || stream.append(pixels, error) != 0 || error || stream.append(pixels, error) != 1 || error) {
        return 3;
    }
    stream.append(pixels, error);
    if (error.value() != OME_STREAM_TOO_MANY_FRAMES) {
        return 4;
    }
    stream.finish(error);
    if (error || stream.status(error).find("\"durable\":2") == std::string::npos) {
        return 5;
    }
    std::puts("ok");
    return 0;
}
