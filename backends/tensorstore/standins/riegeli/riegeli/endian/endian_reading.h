// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstddef>

#include "riegeli/bytes/reader.h"

namespace riegeli {

template <typename T>
bool ReadLittleEndian(Reader& src, T& value) {
  unsigned char bytes[sizeof(T)];
  if (!src.Read(sizeof(T), reinterpret_cast<char*>(bytes))) return false;
  value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(bytes[i]) << (8 * i);
  return true;
}

}  // namespace riegeli
