# Everything a newcomer needs: `make demo` to hear it, `make test` to believe it. Each target sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test run doctor bench lint format build clean

ARGS ?=
SWIFT_FLAGS ?=
BIN = $(shell swift build $(SWIFT_FLAGS) --show-bin-path)

help: ## Lists the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

setup: ## Installs the Debian packages that are missing
	@scripts/setup build

demo: setup ## Starts a local Discord, the bot and a web page to type /play in (ARGS=--once: ten seconds, headless)
	@scripts/build-debug
	@"$(BIN)/timmybot" demo $(ARGS)

run: setup ## Runs the bot against Discord (needs DISCORD_TOKEN; reads .env, see .env.example)
	@scripts/build-debug
	@exec "$(BIN)/timmybot" run $(ARGS)

doctor: setup ## Says what is missing for run, and how to mend it
	@scripts/build-debug
	@"$(BIN)/timmybot" doctor

test: ## Builds everything and runs every test
	@scripts/setup build peers browser
	@scripts/test $(ARGS)

bench: ## Measures the pump, the media worker and plugin calls side by side with their floors
	@scripts/bench $(ARGS)

lint: ## Checks the formatting of every Swift file
	@swift format lint --strict --recursive --parallel Package.swift Sources Plugins Tests sdk

format: ## Formats every Swift file in place
	@swift format format --in-place --recursive --parallel Package.swift Sources Plugins Tests sdk

build: setup ## Makes the relocatable release tree in build/
	@scripts/build-release

clean: ## Removes what the build made
	@rm -rf .build .build-* build
