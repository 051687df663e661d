//go:build !linux

package main

import "syscall"

// withParent does nothing here: only Linux ends a child whose parent is killed.
func withParent() *syscall.SysProcAttr { return nil }
