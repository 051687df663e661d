package main

import "syscall"

// withParent makes a child end when we do, also when we are killed.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
