#include "json.hpp"

#include <cstdlib>

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    bool document(Json &out) {
        if (!value(out, 0)) return false;
        space();
        return at_ == text_.size();
    }

private:
    static constexpr int max_depth = 16;
    static constexpr size_t max_values = 100'000;
    std::string_view text_;
    size_t at_ = 0, values_ = 0;

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) { return peek() == c && at_ < text_.size() ? (at_++, true) : false; }
    bool take(std::string_view word) { return text_.substr(at_, word.size()) == word ? (at_ += word.size(), true) : false; }
    void space() {
        while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) at_++;
    }

    bool value(Json &out, int depth) {
        if (depth > max_depth || ++values_ > max_values) return false;
        space();
        switch (peek()) {
        case '{': return object(out, depth);
        case '[': return array(out, depth);
        case '"': return out.kind_ = Json::Kind::string, string(out.string_);
        case 't': return out.kind_ = Json::Kind::boolean, out.number_ = 1, take("true");
        case 'f': return out.kind_ = Json::Kind::boolean, take("false");
        case 'n': return take("null");
        default: return out.kind_ = Json::Kind::number, number(out.number_);
        }
    }

    bool array(Json &out, int depth) {
        out.kind_ = Json::Kind::array;
        at_++;
        space();
        if (take(']')) return true;
        do {
            if (!value(out.items_.emplace_back(), depth + 1)) return false;
            space();
        } while (take(','));
        return take(']');
    }

    bool object(Json &out, int depth) {
        out.kind_ = Json::Kind::object;
        at_++;
        space();
        if (take('}')) return true;
        do {
            space();
            if (peek() != '"' || !string(out.names_.emplace_back())) return false;
            space();
            if (!take(':') || !value(out.items_.emplace_back(), depth + 1)) return false;
            space();
        } while (take(','));
        return take('}');
    }

    size_t digits() {
        size_t begin = at_;
        while (peek() >= '0' && peek() <= '9') at_++;
        return at_ - begin;
    }

    bool number(double &out) {
        size_t begin = at_;
        take('-');
        size_t leading = at_, count = digits();
        if (!count || (count > 1 && text_[leading] == '0')) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        if (at_ - begin > 60) return false;
        out = std::strtod(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr);
        return true;
    }

    bool hex(uint32_t &out) {
        out = 0;
        for (int i = 0; i < 4; i++) {
            char c = peek();
            uint32_t digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
            if (digit == 99) return false;
            out = out << 4 | digit;
            at_++;
        }
        return true;
    }

    // Continuation bytes of a character that begins with `first`, and whether they are there (RFC 3629).
    bool character(unsigned char first, std::string &out) {
        int more = first >= 0xC2 && first <= 0xDF ? 1 : first >= 0xE0 && first <= 0xEF ? 2 : first >= 0xF0 && first <= 0xF4 ? 3 : 0;
        if (!more) return false;
        unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80, most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        out += static_cast<char>(first);
        for (int i = 0; i < more; i++, least = 0x80, most = 0xBF) {
            unsigned char next = static_cast<unsigned char>(peek());
            if (next < least || next > most) return false;
            out += text_[at_++];
        }
        return true;
    }

    static void append(std::string &out, uint32_t c) {
        auto more = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
        if (c < 0x80) out += static_cast<char>(c);
        else if (c < 0x800) out += static_cast<char>(0xC0 | c >> 6), more(0);
        else if (c < 0x10000) out += static_cast<char>(0xE0 | c >> 12), more(6), more(0);
        else out += static_cast<char>(0xF0 | c >> 18), more(12), more(6), more(0);
    }

    bool unicode(std::string &out) {
        uint32_t c, low;
        if (!hex(c)) return false;
        if (c >= 0xDC00 && c < 0xE000) return false;
        if (c >= 0xD800 && c < 0xDC00) {
            if (!take("\\u") || !hex(low) || low < 0xDC00 || low >= 0xE000) return false;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        }
        append(out, c);
        return true;
    }

    bool escape(std::string &out) {
        static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        if (take('u')) return unicode(out);
        size_t place = at_ < text_.size() ? from.find(text_[at_]) : std::string_view::npos;
        if (place == std::string_view::npos) return false;
        out += to[place];
        at_++;
        return true;
    }

    bool string(std::string &out) {
        at_++;
        while (at_ < text_.size()) {
            char c = text_[at_++];
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            bool is_good = c == '\\' ? escape(out) : static_cast<unsigned char>(c) < 0x80 ? (out += c, true) : character(static_cast<unsigned char>(c), out);
            if (!is_good) return false;
        }
        return false;
    }
};

std::optional<Json> Json::parse(std::string_view text) {
    std::optional<Json> out(std::in_place);
    if (!Parser(text).document(*out)) out.reset();
    return out;
}

const Json *Json::find(std::string_view name) const {
    for (size_t i = 0; i < names_.size(); i++)
        if (names_[i] == name) return &items_[i];
    return nullptr;
}

std::string_view Json::text(std::string_view name) const {
    const Json *value = find(name);
    return value && value->kind_ == Kind::string ? std::string_view(value->string_) : std::string_view();
}

int64_t Json::integer(std::string_view name) const {
    const Json *value = find(name);
    bool is_whole = value && (value->kind_ == Kind::number || value->kind_ == Kind::boolean) && value->number_ > -1e15 && value->number_ < 1e15;
    return is_whole ? static_cast<int64_t>(value->number_) : 0;
}
