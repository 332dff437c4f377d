// Stand-in for half.hpp: IEEE 754 binary16 as TensorStore uses it. Written for this project; nothing is taken from the
// library whose name it bears.
//
// A value is kept as its bits; arithmetic goes through float, as in the original, and rounds to nearest, ties to even.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <istream>
#include <limits>
#include <ostream>

namespace half_float {

namespace detail {

// Layout of binary32 and binary16.
constexpr uint32_t kFloatInfinity = 0x7f800000u;
constexpr uint16_t kHalfSign = 0x8000u;
constexpr uint16_t kHalfInfinity = 0x7c00u;
constexpr uint16_t kHalfQuiet = 0x0200u;
// Mantissa bits that binary16 has not: 23 - 10.
constexpr int kDropped = 13;
// What turns a biased binary32 exponent into a biased binary16 one: (127 - 15) << 23.
constexpr uint32_t kRebias = 112u << 23;
// Smallest float that rounds to infinity: halfway between 65504 and 65536.
constexpr uint32_t kOverflow = 0x477ff000u;
// 2^-14, the smallest normal binary16; and 2^-25, at and below which everything rounds to zero.
constexpr uint32_t kSmallestNormal = 0x38800000u;
constexpr uint32_t kVanishing = 0x33000000u;

// Drops the low `bits` of `value`, rounding to nearest, ties to even.
inline uint32_t RoundedShift(uint32_t value, int bits) {
  const uint32_t kept = value >> bits;
  const uint32_t rest = value & ((1u << bits) - 1);
  const uint32_t halfway = 1u << (bits - 1);
  return kept + (rest > halfway || (rest == halfway && (kept & 1)));
}

inline uint16_t ToBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & kHalfSign);
  bits &= 0x7fffffffu;
  uint32_t magnitude;
  if (bits > kFloatInfinity) {
    magnitude = kHalfInfinity | kHalfQuiet | ((bits >> kDropped) & 0x3ffu);
  } else if (bits >= kOverflow) {
    magnitude = kHalfInfinity;
  } else if (bits >= kSmallestNormal) {
    magnitude = RoundedShift(bits - kRebias, kDropped);
  } else if (bits > kVanishing) {
    // Subnormal: the implicit bit becomes explicit and moves right with the exponent.
    magnitude = RoundedShift((bits & 0x7fffffu) | 0x800000u, 126 - static_cast<int>(bits >> 23));
  } else {
    magnitude = 0;
  }
  return static_cast<uint16_t>(sign | magnitude);
}

inline float ToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & kHalfSign) << 16;
  const uint32_t exponent = (half >> 10) & 31u;
  const uint32_t mantissa = half & 0x3ffu;
  uint32_t bits;
  if (exponent == 31) {
    bits = kFloatInfinity | (mantissa << kDropped);
  } else if (exponent != 0) {
    bits = (exponent << 23) + kRebias + (mantissa << kDropped);
  } else {
    const float subnormal = std::ldexp(static_cast<float>(mantissa), -24);
    std::memcpy(&bits, &subnormal, sizeof(bits));
  }
  bits |= sign;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace detail

class half {
 public:
  constexpr half() noexcept : bits_(0) {}
  explicit half(float value) : bits_(detail::ToBits(value)) {}

  operator float() const { return detail::ToFloat(bits_); }

  half& operator=(float value) {
    bits_ = detail::ToBits(value);
    return *this;
  }
  half& operator+=(float value) { return *this = float(*this) + value; }
  half& operator-=(float value) { return *this = float(*this) - value; }
  half& operator*=(float value) { return *this = float(*this) * value; }
  half& operator/=(float value) { return *this = float(*this) / value; }

  // For the constants of numeric_limits; not part of the original.
  static constexpr half FromBits(uint16_t bits) {
    half value;
    value.bits_ = bits;
    return value;
  }

 private:
  uint16_t bits_;
};

inline half operator-(half value) { return half(-float(value)); }
inline half operator+(half a, half b) { return half(float(a) + float(b)); }
inline half operator-(half a, half b) { return half(float(a) - float(b)); }
inline half operator*(half a, half b) { return half(float(a) * float(b)); }
inline half operator/(half a, half b) { return half(float(a) / float(b)); }

inline bool operator==(half a, half b) { return float(a) == float(b); }
inline bool operator!=(half a, half b) { return float(a) != float(b); }
inline bool operator<(half a, half b) { return float(a) < float(b); }
inline bool operator>(half a, half b) { return float(a) > float(b); }
inline bool operator<=(half a, half b) { return float(a) <= float(b); }
inline bool operator>=(half a, half b) { return float(a) >= float(b); }

inline std::ostream& operator<<(std::ostream& out, half value) { return out << float(value); }
inline std::istream& operator>>(std::istream& in, half& value) {
  float read;
  if (in >> read) value = read;
  return in;
}

inline bool isnan(half value) { return std::isnan(float(value)); }
inline bool isinf(half value) { return std::isinf(float(value)); }
inline bool isfinite(half value) { return std::isfinite(float(value)); }
inline bool signbit(half value) { return std::signbit(float(value)); }
inline half abs(half value) { return half(std::fabs(float(value))); }

}  // namespace half_float

namespace std {

template <>
struct numeric_limits<half_float::half> : numeric_limits<float> {
  using Half = half_float::half;
  static constexpr int digits = 11;
  static constexpr int digits10 = 3;
  static constexpr int max_digits10 = 5;
  static constexpr int min_exponent = -13;
  static constexpr int min_exponent10 = -4;
  static constexpr int max_exponent = 16;
  static constexpr int max_exponent10 = 4;
  static constexpr Half min() noexcept { return Half::FromBits(0x0400); }
  static constexpr Half lowest() noexcept { return Half::FromBits(0xfbff); }
  static constexpr Half max() noexcept { return Half::FromBits(0x7bff); }
  static constexpr Half epsilon() noexcept { return Half::FromBits(0x1400); }
  static constexpr Half round_error() noexcept { return Half::FromBits(0x3800); }
  static constexpr Half infinity() noexcept { return Half::FromBits(0x7c00); }
  static constexpr Half quiet_NaN() noexcept { return Half::FromBits(0x7e00); }
  static constexpr Half signaling_NaN() noexcept { return Half::FromBits(0x7d00); }
  static constexpr Half denorm_min() noexcept { return Half::FromBits(0x0001); }
};

template <>
struct hash<half_float::half> {
  size_t operator()(half_float::half value) const { return hash<float>()(float(value)); }
};

}  // namespace std
