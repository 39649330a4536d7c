# How a C or C++ plugin is built. A project's Makefile says what it is made of and includes this:
#
#   NAME = my-plugin
#   SOURCES = my_plugin.c
#   TESTS = test.c                    # optional: a program that uses testing/tb_mock.h
#   include $(TIMMYBOT_SDK)/plugin.mk
#
# `make` builds NAME.so, `make test` builds the test and runs it, in both orders of completions, under ASan and UBSan, where the compiler has them.
# MODULE_CFLAGS, MODULE_CXXFLAGS and MODULE_LIBS add to what is here. Needs GNU make and GCC or Clang.
ifndef TIMMYBOT_SDK
$(error Set TIMMYBOT_SDK to the folder of the TimmyBot SDK, for example: make TIMMYBOT_SDK=~/timmybot/sdk)
endif

TB_WARNINGS = -Wall -Wextra -Wpedantic -Werror
TB_CPPFLAGS = -I$(TIMMYBOT_SDK)/include
TB_CFLAGS = -std=c11 $(TB_WARNINGS) -O2 -g -fPIC -fvisibility=hidden $(MODULE_CFLAGS)
TB_CXXFLAGS = -std=c++17 $(TB_WARNINGS) -O2 -g -fPIC -fvisibility=hidden $(MODULE_CXXFLAGS)
# One exported symbol; never unloaded; every symbol is known at load; no executable stack.
TB_LDFLAGS = -shared -Wl,--version-script=$(TIMMYBOT_SDK)/plugin.map -Wl,-z,nodelete,-z,defs,-z,now,-z,noexecstack
TB_LINK = $(if $(filter %.cpp,$(SOURCES)),$(CXX),$(CC))
TB_OBJECTS = $(patsubst %,build/%.o,$(SOURCES))
TB_HEADERS = $(wildcard *.h *.hpp $(TIMMYBOT_SDK)/include/timmybot/*.h)

$(NAME).so: $(TB_OBJECTS) $(TIMMYBOT_SDK)/plugin.map
	$(TB_LINK) $(TB_OBJECTS) -o $@ $(TB_LDFLAGS) $(MODULE_LIBS)

build/%.c.o: %.c $(TB_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TB_CPPFLAGS) $(TB_CFLAGS) -c $< -o $@

build/%.cpp.o: %.cpp $(TB_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(TB_CPPFLAGS) $(TB_CXXFLAGS) -c $< -o $@

# The test has the plugin linked in, so that the sanitizers see all of it.
TB_SANITIZE := $(shell echo 'int main(void){return 0;}' | $(CC) -x c -fsanitize=address,undefined - -o /dev/null 2>/dev/null \
	&& echo -fsanitize=address,undefined -fno-sanitize-recover=all)
SANITIZE ?= $(TB_SANITIZE)
TB_TEST_OBJECTS = $(patsubst %,build/test/%.o,$(SOURCES) $(TESTS) tb_mock.c)

build/test/tb_mock.c.o: $(TIMMYBOT_SDK)/testing/tb_mock.c $(wildcard $(TIMMYBOT_SDK)/testing/mock/*) $(TB_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TB_CPPFLAGS) -std=c11 -g -O1 $(SANITIZE) -c $< -o $@

build/test/%.c.o: %.c $(TB_HEADERS) $(TIMMYBOT_SDK)/testing/tb_mock.h
	@mkdir -p $(@D)
	$(CC) $(TB_CPPFLAGS) -I$(TIMMYBOT_SDK)/testing $(TB_CFLAGS) -O1 $(SANITIZE) -c $< -o $@

build/test/%.cpp.o: %.cpp $(TB_HEADERS) $(TIMMYBOT_SDK)/testing/tb_mock.h
	@mkdir -p $(@D)
	$(CXX) $(TB_CPPFLAGS) -I$(TIMMYBOT_SDK)/testing $(TB_CXXFLAGS) -O1 $(SANITIZE) -c $< -o $@

plugin-test: $(TB_TEST_OBJECTS)
	$(TB_LINK) $(SANITIZE) $(TB_TEST_OBJECTS) -o $@ -pthread -ldl -lm $(MODULE_LIBS)

# Twice: the second time each completion comes before the request that it answers has returned.
test: plugin-test
	./plugin-test
	TB_MOCK_EAGER=1 ./plugin-test

clean:
	rm -rf build $(NAME).so plugin-test

.PHONY: test clean
.DEFAULT_GOAL := $(NAME).so
