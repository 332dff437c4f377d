// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstdint>

#include "riegeli/bytes/writer.h"

namespace riegeli {

// Seven bits a byte, lowest first; the top bit says that more come.
inline bool WriteVarint64(uint64_t value, Writer& dest) {
  while (value >= 0x80) {
    if (!dest.WriteByte(static_cast<uint8_t>(value) | 0x80)) return false;
    value >>= 7;
  }
  return dest.WriteByte(static_cast<uint8_t>(value));
}

inline bool WriteVarint32(uint32_t value, Writer& dest) { return WriteVarint64(value, dest); }

}  // namespace riegeli
