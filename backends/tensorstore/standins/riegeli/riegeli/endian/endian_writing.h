// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstddef>
#include <string_view>

#include "riegeli/bytes/writer.h"

namespace riegeli {

template <typename T>
bool WriteLittleEndian(T value, Writer& dest) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return dest.Write(std::string_view(bytes, sizeof(T)));
}

}  // namespace riegeli
