package mqtt

import (
	"errors"
	"slices"
	"strings"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
)

// A hook is how mochi asks the broker. Its methods are called on the read
// goroutine of the client, but for OnACLCheck.
type hook struct {
	mochi.HookBase
	broker *Broker
}

// ID names the hook.
func (h *hook) ID() string { return "thermarack" }

// Provides tells mochi which methods to call.
func (h *hook) Provides(method byte) bool {
	switch method {
	case mochi.OnConnect, mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnSessionEstablished,
		mochi.OnPacketRead, mochi.OnSubscribe, mochi.OnDisconnect:
		return true
	}
	return false
}

// OnConnect bounds what the client asks for and what is remembered of it. Clean
// makes mochi forget the client when it leaves, whatever it asked for: an absent
// subscriber would gather messages.
func (h *hook) OnConnect(cl *mochi.Client, pk packets.Packet) error {
	c := pk.Connect
	if len(c.ClientIdentifier)+len(c.Username)+len(c.WillTopic)+len(c.WillPayload) > maxIntroduction {
		h.broker.refused("introduction", cl.Net.Remote)
		return packets.ErrClientIdentifierNotValid
	}
	if cl.State.Keepalive == 0 || cl.State.Keepalive > maxKeepAlive {
		cl.State.Keepalive, cl.State.ServerKeepalive = maxKeepAlive, true
	}
	cl.Properties.Clean = true
	cl.Properties.Props.SessionExpiryInterval = 0
	return nil
}

// OnConnectAuthenticate asks the operator's rule.
func (h *hook) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	check := h.broker.opts.Authenticate
	user := string(pk.Connect.Username)
	if check == nil || check(user, pk.Connect.Password) {
		return true
	}
	h.broker.refused("credentials", cut(user))
	return false
}

// OnACLCheck lets everybody read. What clients publish has been taken from mochi
// by OnPacketRead.
func (h *hook) OnACLCheck(_ *mochi.Client, _ string, write bool) bool { return !write }

// mayPublish holds a client that logged in as a node to the topics of that node.
func (h *hook) mayPublish(cl *mochi.Client, topic string) bool {
	user, err := wire.ParseNode(string(cl.Properties.Username))
	if err != nil || h.broker.opts.Authenticate == nil {
		return true
	}
	to, err := wire.ParseTopic(topic)
	return err != nil || to.Node == user // a topic that is none of ours is counted by the ingest
}

// OnSessionEstablished takes the last will out of mochi's hands, which would
// retain and publish it without storing it.
func (h *hook) OnSessionEstablished(cl *mochi.Client, _ packets.Packet) {
	p := newPeer(cl)
	p.written = func() { h.broker.release(p) }
	if w := cl.Properties.Will; w.Flag != 0 && h.mayPublish(cl, w.TopicName) {
		p.will = &ingest.Delivery{
			Topic: w.TopicName, Payload: w.Payload,
			Done: h.willDone(w),
		}
	}
	cl.Properties.Will = mochi.Will{}
	h.broker.peers.Store(cl, p)
}

func (h *hook) willDone(w mochi.Will) func(error) {
	return func(err error) {
		h.broker.open.Add(-1)
		if err == nil { // else we are going down, and the store is not to be had
			h.broker.fanout.pass(w.TopicName, w.Payload, w.Retain)
		}
	}
}

func (h *hook) peer(cl *mochi.Client) (*peer, bool) {
	p, ok := h.broker.peers.Load(cl)
	if !ok {
		return nil, false // still connecting, or gone
	}
	return p.(*peer), true
}

// OnPacketRead hands what a client publishes to the ingest, and mochi something
// in its place that it ignores: an acknowledgement of nothing. Mochi would hand
// the message to the same hands further down, where a packet of 800 bytes has
// been copied a dozen times. Its connection ends when the client may not publish
// that, or breaks the rules of MQTT.
func (h *hook) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type != packets.Publish || pk.PublishValidate(maxAliases) != packets.CodeSuccess {
		return pk, nil // mochi's own business
	}
	p, ok := h.peer(cl)
	if !ok {
		return pk, packets.ErrRejectPacket
	}
	if cause, err := h.refuse(cl, pk.FixedHeader.Qos, pk.TopicName); err != nil {
		h.broker.stop(p, cause, err)
		return pk, packets.ErrRejectPacket
	}
	h.noteStranger(p, pk.TopicName)
	h.broker.take(message{p, pk.TopicName, pk.Payload, pk.PacketID, pk.FixedHeader.Qos, pk.FixedHeader.Retain})
	return packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}}, nil
}

// refuse returns why a client may not publish what the broker does not carry:
// mochi would take QoS 2 for QoS 1, whose acknowledgement the client does not
// understand, and leave topics that begin with $ unanswered. Its connection ends
// for it, as MQTT 3.1.1 has no other answer; it keeps its messages until somebody
// looks.
func (h *hook) refuse(cl *mochi.Client, qos byte, topic string) (cause string, err error) {
	switch {
	case qos == 2:
		return stopProtocol, errors.New("it publishes with QoS 2, use 1")
	case strings.HasPrefix(topic, "$"):
		return stopProtocol, errors.New("it publishes to " + cut(topic))
	case !h.mayPublish(cl, topic):
		return stopForeign, errors.New("its user name is another node than the topic " + cut(topic))
	}
	return "", nil
}

// OnSubscribe bounds the subscriptions of one client.
func (h *hook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	p, ok := h.peer(cl)
	tooLong := func(s packets.Subscription) bool { return len(s.Filter) > maxFilter }
	tooMany := cl.State.Subscriptions.Len()+len(pk.Filters) > maxSubscriptions
	if ok && (tooMany || slices.ContainsFunc(pk.Filters, tooLong)) {
		h.broker.stop(p, stopProtocol, errors.New("it subscribes to too many or too long filters"))
		pk.Filters = nil
	}
	return pk
}

// noteStranger logs once a connection that a client publishes for a node that it
// is not: right for a poller of switches, worth a look otherwise.
func (h *hook) noteStranger(p *peer, topic string) {
	if p.noted.Load() {
		return
	}
	to, err := wire.ParseTopic(topic)
	if err != nil || string(to.Node) == p.client.ID || p.noted.Swap(true) {
		return
	}
	h.broker.quiet.Info("stranger "+cut(p.client.ID), "MQTT client publishes for a node of another name",
		"client", cut(p.client.ID), "remote", p.client.Net.Remote, "node", to.Node)
}

// OnDisconnect takes the last will, unless the client said goodbye or is
// connected anew, or it is us who leave.
func (h *hook) OnDisconnect(cl *mochi.Client, err error, _ bool) {
	p, ok := h.peer(cl)
	if !ok {
		return
	}
	p.close()
	h.broker.peers.Delete(cl)
	if errors.Is(err, packets.ErrPacketTooLarge) {
		h.broker.stop(p, stopOversize, err)
	}
	why := cl.StopCause()
	if p.will == nil || errors.Is(why, packets.CodeDisconnect) || errors.Is(why, packets.ErrSessionTakenOver) {
		return
	}
	h.broker.open.Add(1)
	if !h.offerWill(cl, *p.will) {
		h.broker.open.Add(-1)
	}
}

// offerWill offers until the will is taken or pointless. Nobody sends it again.
func (h *hook) offerWill(cl *mochi.Client, will ingest.Delivery) bool {
	for {
		if now, ok := h.broker.server.Clients.Get(cl.ID); ok && now != cl {
			return false // its own status says more
		}
		select {
		case <-h.broker.quit:
			return false
		default:
		}
		if h.broker.opts.Ingest.Offer(will) {
			return true
		}
		select {
		case <-h.broker.quit:
			return false
		case <-time.After(offerAgain):
		}
	}
}
