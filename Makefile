# Thin: what takes more than a line is a script in .ci/ or rootfs-fixtures/.
SHELL = /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
TIERS ?= unit privileged integration conformance

release_bin = .build/release
root = $(DESTDIR)$(PREFIX)
man = $(root)/share/man
# Packages have a directory of their own for zsh.
zsh_completions ?= share/zsh/site-functions
completions = $(root)/share/bash-completion/completions/tctl \
	$(root)/$(zsh_completions)/_tctl \
	$(root)/share/fish/vendor_completions.d/tctl.fish
units = $(wildcard systemd/*.service systemd/*.socket systemd/*.slice)
configuration = $(DESTDIR)/etc/timber/timberd.json

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## debug executables and tests, in .build/debug
	.ci/install build
	swift build --build-tests

.PHONY: release
release: ## release executables, in .build/release
	.ci/install build
	swift build -c release

.PHONY: demo
demo: ## the tutorial, from nothing to its answer
	.ci/demo

.PHONY: test
test: ## every test tier (as root); TIERS="unit" for some
	.ci/install build test
	swift build --build-tests
	.ci/test $(TIERS)

.PHONY: test-unit test-privileged test-integration test-conformance test-peer test-vm
test-unit test-privileged test-integration test-conformance test-peer test-vm: ## one tier; peer: the conformance tests on Debian's dockerd; vm: Debian 12 with systemd and cgroup v2, in QEMU
	$(MAKE) test TIERS=$(@:test-%=%)

.PHONY: fuzz
fuzz: ## requests made from CONTRACT=FILE, Docker's description of its API (as root); SECONDS_OF_FUZZ=300
	[ -f "$(CONTRACT)" ] || { echo "make fuzz CONTRACT=FILE: the OpenAPI description of the Docker Engine API, from its documentation" >&2; exit 2; }
	.ci/install build fuzz
	swift build
	rootfs-fixtures/make.sh busybox
	PYTHONPATH=Tests/Integration .build/fuzz/bin/python Tests/Conformance/fuzz.py "$(CONTRACT)" "$(or $(SECONDS_OF_FUZZ),300)"

.PHONY: soak
soak: ## fifty clients at once for SECONDS_OF_SOAK=120 (as root); says what the daemon took
	.ci/install build test
	swift build
	rootfs-fixtures/make.sh busybox
	TIMBER_SOAK_SECONDS="$(or $(SECONDS_OF_SOAK),120)" /usr/bin/python3 -m pytest -c Tests/Integration/pytest.ini -n 0 -s Tests/Integration/test_soak.py

.PHONY: bench
bench: ## beside Docker and runc (as root), into docs/benchmarks.md
	.ci/install build bench
	swift build -c release
	rootfs-fixtures/make.sh busybox python tutorial
	/usr/bin/python3 Benchmarks

.PHONY: fixtures
fixtures: ## the images of the tests, in rootfs-fixtures/out
	rootfs-fixtures/make.sh

.PHONY: install install-files
install: release install-files ## into PREFIX (/usr/local), below DESTDIR

.PHONY: install-files
install-files:
	install -D -m 0755 -t $(root)/bin $(release_bin)/timberd $(release_bin)/tctl
	install -D -m 0755 -t $(root)/libexec/timber $(release_bin)/timber-shim
	strip --strip-debug $(root)/bin/timberd $(root)/bin/tctl $(root)/libexec/timber/timber-shim
	install -d $(root)/lib/systemd/system
	for unit in $(units); do sed 's|/usr/local|$(PREFIX)|g' $$unit >$(root)/lib/systemd/system/$${unit##*/} || exit 1; done
	install -D -m 0644 systemd/timber.sysusers $(root)/lib/sysusers.d/timber.conf
	install -D -m 0644 systemd/timber.tmpfiles $(root)/lib/tmpfiles.d/timber.conf
	[ -e $(configuration) ] || install -D -m 0644 systemd/timberd.json $(configuration)
	install -D -m 0644 -t $(man)/man1 docs/man/*.1
	install -D -m 0644 -t $(man)/man8 docs/man/*.8
	install -d $(dir $(completions))
	$(release_bin)/tctl --generate-completion-script bash >$(word 1,$(completions))
	$(release_bin)/tctl --generate-completion-script zsh >$(word 2,$(completions))
	$(release_bin)/tctl --generate-completion-script fish >$(word 3,$(completions))
	[ -n "$(DESTDIR)" ] || getent group timber >/dev/null || groupadd --system timber
	[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload

.PHONY: deb
deb: release ## timber_VERSION_ARCH.deb, in dist/
	systemd/debian/build.sh $(release_bin) dist

.PHONY: uninstall
uninstall: ## what install put there; /etc/timber, images, containers and the timber group stay
	rm -f $(root)/bin/timberd $(root)/bin/tctl $(root)/libexec/timber/timber-shim $(completions)
	rm -f $(patsubst systemd/%,$(root)/lib/systemd/system/%,$(units)) $(root)/lib/sysusers.d/timber.conf $(root)/lib/tmpfiles.d/timber.conf
	rm -f $(patsubst docs/man/%,$(man)/man1/%,$(wildcard docs/man/*.1)) $(patsubst docs/man/%,$(man)/man8/%,$(wildcard docs/man/*.8))
	rmdir --ignore-fail-on-non-empty $(root)/libexec/timber 2>/dev/null || true
	[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload

.PHONY: man
man: ## docs/man/tctl.1, from what a debug build of tctl says of itself
	.ci/man.py .build/debug

.PHONY: lint
lint: ## format of Swift, syntax of scripts
	.ci/lint

.PHONY: format
format: ## put Swift into the house's format
	swift format -i --parallel -r Package.swift Sources Tests

.PHONY: clean
clean: ## builds and images
	rm -rf .build rootfs-fixtures/out
