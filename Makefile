# SPDX-License-Identifier: GPL-2.0
# The verbs. What is built for whom is in Kbuild; how, in scripts/.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
PREFIX ?= /usr/local

# One place names the version: module/version.h.
VERSION := $(shell sed -n 's/^\#define PTKIT_VERSION "\(.*\)"/\1/p' module/version.h)

.PHONY: all modules install deb clean demo check check-all kunit mutants coverage bench shell help

all: modules

modules: $(KDIR)/Makefile
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# DESTDIR is for roots other than /. The kernel's own rule leaves depmod out where there is no
# System.map: with Debian's headers.
install: release = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h)
install:
	$(MAKE) PTKIT_TESTS=n modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) PTKIT_TESTS=n INSTALL_MOD_PATH=$(DESTDIR) modules_install
	depmod -a $(if $(DESTDIR),-b $(DESTDIR)) $(release)
	install -D -m 755 scripts/ptkit $(DESTDIR)$(PREFIX)/sbin/ptkit
	install -D -m 644 docs/ptkit.8 $(DESTDIR)$(PREFIX)/share/man/man8/ptkit.8

deb:
	scripts/deb

$(KDIR)/Makefile:
	@echo "make: no kernel build directory $(KDIR): install this kernel's headers (Debian:" \
	      "apt-get install linux-headers-$$(uname -r)), or name another with KDIR=" >&2
	@false

clean:
	rm -rf build
	@[ ! -e $(KDIR)/Makefile ] || $(MAKE) -s -C $(KDIR) M=$(CURDIR) clean

demo:
	scripts/demo $(KERNEL)

shell:
	scripts/kernel modules $(KERNEL)
	scripts/vm --shell $(KERNEL)

check:
	scripts/check $(STAGES)

check-all:
	scripts/check all

# UML unless another kernel is named.
kunit: kernel = $(if $(filter command line environment,$(origin KERNEL)),$(KERNEL),um)
kunit:
	scripts/kunit $(if $(SUITE),--suite $(SUITE)) $(if $(REPEAT),--repeat $(REPEAT)) $(kernel)

mutants:
	scripts/mutants $(NAMES)

coverage:
	scripts/coverage $(RUNS)

bench:
	scripts/bench

help:
	@echo "ptkit $(VERSION)"
	@echo
	@echo "  make demo      boot a stock Debian kernel and see it served by ptkit"
	@echo "  make check     all tests; STAGES=\"...\" for some, scripts/check --help lists them"
	@echo "  make check-all every stage that there is: hours"
	@echo "  make kunit     KUnit alone; SUITE=, REPEAT=, KERNEL= (default um)"
	@echo "  make mutants   deliberate bugs, of which tests have to notice every one; NAMES=\"...\""
	@echo "  make coverage  which lines and branches of module/ the tests run; RUNS=\"...\" for some"
	@echo "  make bench     measure ptkit beside the kernel's own, on every kernel; writes a report"
	@echo "  make shell     a shell in a virtual machine with the modules in /modules"
	@echo "  make           build the modules for the running kernel (KDIR= for another)"
	@echo "  make install   install them, and the command ptkit"
	@echo "  make deb       Debian packages of them, for DKMS, into build/deb/"
	@echo "  make clean     remove what was built in this checkout"
	@echo
	@echo "  KERNEL=$(KERNEL)     for demo and shell; \"scripts/kernel list\" shows what there is"
	@echo
	@echo "Kernels, images and build roots go to a cache outside the checkout: PTKIT_CACHE, or"
	@echo "ptkit below XDG_CACHE_HOME. Scripts have --help."
