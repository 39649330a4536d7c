// JSON (RFC 8259) from outside: bounded in depth and number of values, and strict.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class Json {
public:
    enum class Kind { null, boolean, number, string, array, object };

    // Nothing where `text` is no JSON, deeper than 16, or of more than 100,000 values. Throws std::bad_alloc.
    static std::optional<Json> parse(std::string_view text);

    Kind kind() const { return kind_; }
    const std::vector<Json> &items() const { return items_; }  // of an array
    const Json *find(std::string_view name) const;             // of an object; null where there is none

    // The member's value, or what is empty where it is missing or of another kind.
    std::string_view text(std::string_view name) const;
    int64_t integer(std::string_view name) const;

private:
    friend class Parser;
    Kind kind_ = Kind::null;
    double number_ = 0;  // and 1 for true
    std::string string_;
    std::vector<std::string> names_;  // of an object's items
    std::vector<Json> items_;
};
