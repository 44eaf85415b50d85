// Plays inputs of a fuzz target from files and directories, or, as `random SEED COUNT`, ones made
// up from a seed.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void play(const std::filesystem::path& name) {
  std::ifstream file(name, std::ios::binary);
  std::vector<char> data{std::istreambuf_iterator<char>(file), {}};
  data.shrink_to_fit();  // who reads beyond it is seen
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "random") {
    const unsigned long first = std::strtoul(argv[2], nullptr, 10);
    const unsigned long count = std::strtoul(argv[3], nullptr, 10);
    for (unsigned long seed = first; seed != first + count; ++seed) {
      std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
      std::vector<std::uint8_t> data(random() % 600);
      for (std::uint8_t& octet : data) octet = static_cast<std::uint8_t>(random());
      // A failure aborts; the seed that led to it is the last one that stands here.
      if (std::FILE* f = std::fopen("last-seed", "w")) {
        std::fprintf(f, "%lu\n", seed);
        std::fclose(f);
      }
      (void)LLVMFuzzerTestOneInput(data.data(), data.size());
    }
    return 0;
  }
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      play(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) play(entry.path());
  }
  return 0;
}
