package snmp

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

// explain says what an error of gosnmp means and what to do about it.
func (c *Client) explain(err error) error {
	version3 := c.target.Credentials.Version == Version3
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on its UDP port %d: switch SNMP on there (%w)", c.port, ErrNoAnswer)
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded) && version3 && c.introduced():
		return fmt.Errorf("it says who it is, but nothing to what we encrypt: check the privacy protocol and password (%w)", ErrDenied)
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded) && version3:
		return fmt.Errorf("none in %s: is it up, and does it let this host in? (%w)", c.patience(), ErrNoAnswer)
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded):
		return fmt.Errorf("none in %s: is it up, does it let this host in, and is the community right? A wrong one gets no answer (%w)", c.patience(), ErrNoAnswer)
	case errors.Is(err, gosnmp.ErrUnknownUsername):
		return fmt.Errorf("it does not know the user: check the credentials (%w)", ErrDenied)
	case errors.Is(err, gosnmp.ErrDecryption):
		return fmt.Errorf("it can't decrypt what we send: check the privacy protocol and password (%w)", ErrDenied)
	case errors.Is(err, gosnmp.ErrWrongDigest), errors.Is(err, gosnmp.ErrUnknownSecurityLevel), notAuthentic(err):
		return fmt.Errorf("it does not take our signature: check user, authentication protocol and password, and that the user may use authPriv (%w)", ErrDenied)
	}
	text, _, _ := strings.Cut(err.Error(), "\n") // gosnmp puts a stack behind a panic of its own
	return fmt.Errorf("%.200q (%w)", text, ErrAgent)
}

// introduced tells whether the switch has told its engine, but has never answered
// a request. An agent that can't decrypt one drops it.
func (c *Client) introduced() bool {
	security, ok := c.session.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	return ok && security.AuthoritativeEngineID != "" && !c.pace.alive
}

// notAuthentic tells whether an answer was not signed with our key. A report of a
// wrong user or password is never signed, and gosnmp has no sentinel for it.
func notAuthentic(err error) bool { return strings.Contains(err.Error(), "not authentic") }

// patience is how long all tries of a request wait.
func (c *Client) patience() time.Duration { return c.target.Timeout * (1<<(retries+1) - 1) }
