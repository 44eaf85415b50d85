#include "records.hpp"

#include <cstddef>
#include <cstdint>

#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::tls {

namespace {

constexpr unsigned char sequence = 0x30;
constexpr unsigned char version_tag = 0xa0;

/// An element of DER: all of it, and what is inside.
struct element {
  unsigned char tag = 0;
  bytes whole{};
  bytes inside{};
};

unsigned char octet(bytes from, std::size_t at) noexcept {
  return static_cast<unsigned char>(from[at]);
}

/// Takes the element that `from` begins with away from it; an empty one if there is none.
element take_element(bytes& from) noexcept {
  if (from.size() < 2) return {};
  std::size_t size = octet(from, 1);
  std::size_t head = 2;
  if (size >= 0x80) {
    const std::size_t octets = size & 0x7f;
    if (octets == 0 || octets > sizeof(std::uint32_t) || from.size() < head + octets) return {};
    size = 0;
    for (; head != 2 + octets; ++head) size = size << 8 | octet(from, head);
  }
  if (from.size() - head < size) return {};
  const element e{octet(from, 0), from.first(head + size), from.subspan(head, size)};
  from = from.subspan(head + size);
  return e;
}

}  // namespace

std::error_code problem_of(const tlsa_record& record) {
  if (!is_of_own_certificate(record)) return std::make_error_code(std::errc::not_supported);
  const bool good = record.selector <= 1 &&
                    (record.matching == 0   ? !record.data.empty()
                     : record.matching == 1 ? record.data.size() == 32
                                            : record.matching == 2 && record.data.size() == 64);
  return good ? std::error_code() : tls_errc::bad_record;
}

bytes key_info(bytes certificate) noexcept {
  bytes signed_part = take_element(certificate).inside;
  bytes fields = take_element(signed_part).inside;
  element field = take_element(fields);
  if (field.tag == version_tag) field = take_element(fields);
  // Behind the serial number: algorithm, issuer, validity, owner.
  for (int i = 0; i != 4; ++i) {
    field = take_element(fields);
    if (field.tag != sequence) return {};
  }
  field = take_element(fields);
  return field.tag == sequence ? field.whole : bytes();
}

}  // namespace sansmtp::tls
