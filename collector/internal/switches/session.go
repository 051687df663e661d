package switches

import (
	"context"
	"errors"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// Public is what a switch is asked with when its layout names no file of
// credentials: what many are delivered with.
var Public = snmp.Credentials{Version: snmp.Version2c, Community: "public"}

// CredentialsOf reads the credentials of a switch, whose Credentials is a path or
// "" for Public. The error wraps snmp.ErrCredentials, or is that of the file.
func CredentialsOf(sw layout.Switch) (snmp.Credentials, error) {
	if sw.Credentials == "" {
		return Public, nil
	}
	return snmp.LoadCredentials(sw.Credentials)
}

// Open returns a Session that reads a switch over UDP. Its credentials are read
// for each poll, so that a file that has changed counts at once.
func Open(sw layout.Switch) Session { return &session{sw: sw} }

type session struct {
	sw          layout.Switch
	credentials snmp.Credentials // that the client shows
	client      *snmp.Client     // nil before the first poll, and while none can be made
	reader      *poe.Reader
	closed      int // requests of the clients before
}

func (s *session) Read(ctx context.Context) (poe.Switch, error) {
	if err := s.connect(ctx); err != nil {
		return poe.Switch{}, err
	}
	return s.reader.Read(ctx)
}

// connect makes a client unless there is one with the credentials that hold now.
func (s *session) connect(ctx context.Context) error {
	credentials, err := CredentialsOf(s.sw)
	if err != nil {
		return credentialsError{err}
	}
	if s.client != nil && credentials == s.credentials {
		return nil
	}
	if err := s.Close(); err != nil {
		return err
	}
	client, err := snmp.Open(ctx, snmp.Target{Address: s.sw.Host, Credentials: credentials})
	if err != nil {
		return err
	}
	reader, err := poe.NewReader(client, s.sw.Profile)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	s.client, s.reader, s.credentials = client, reader, credentials
	return nil
}

// A credentialsError is of a file that is missing, too, and so is an
// snmp.ErrCredentials.
type credentialsError struct{ error }

func (credentialsError) Is(target error) bool { return target == snmp.ErrCredentials }
func (e credentialsError) Unwrap() error      { return e.error }

func (s *session) Requests() int {
	if s.client == nil {
		return s.closed
	}
	return s.closed + s.client.Requests()
}

func (s *session) Close() error {
	if s.client == nil {
		return nil
	}
	client := s.client
	s.closed, s.client, s.reader = s.Requests(), nil, nil
	return client.Close()
}
