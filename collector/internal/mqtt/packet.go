package mqtt

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/collector/internal/ingest"
)

const (
	readBuffer = 64 << 10 // bytes; more than the longest topic, which is 65535
	maxReply   = 4 << 10  // bytes of a packet that is no message: SUBACK has one a filter
)

// An arrival is a PUBLISH packet of an external broker.
type arrival struct {
	id       uint16 // 0: QoS 0, nothing to acknowledge
	topic    string
	payload  []byte // in memory of its own
	retained bool
}

// readHeader reads the type, the flags and the length of the next packet: MQTT
// 3.1.1, section 2.2.
func readHeader(r *bufio.Reader) (packets.FixedHeader, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packets.FixedHeader{}, err
	}
	h := packets.FixedHeader{MessageType: first >> 4, Dup: first&8 != 0, Qos: first >> 1 & 3, Retain: first&1 != 0}
	for shift := 0; shift < 28; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return h, midway(err)
		}
		h.RemainingLength |= int(b&0x7f) << shift
		if b < 0x80 {
			return h, nil
		}
	}
	return h, errors.New("a packet's length of more than four bytes")
}

// readMessage reads what follows the header of a PUBLISH. Of a payload that is
// longer than ingest takes, one byte more than that is kept, so that it is
// refused there and acknowledged like any other that cannot be used; the rest is
// skipped without memory for it.
func readMessage(r *bufio.Reader, h packets.FixedHeader) (arrival, error) {
	if h.Qos > 1 {
		return arrival{}, fmt.Errorf("a message of QoS %d, asked for was 1", h.Qos)
	}
	size, err := readUint16(r)
	if err != nil {
		return arrival{}, err
	}
	rest := h.RemainingLength - 2 - int(size) - 2*int(h.Qos)
	if rest < 0 {
		return arrival{}, fmt.Errorf("a message of %d bytes with a topic of %d", h.RemainingLength, size)
	}
	topic, err := r.Peek(int(size))
	if err != nil {
		return arrival{}, midway(err)
	}
	m := arrival{topic: string(topic), retained: h.Retain}
	_, _ = r.Discard(len(topic)) // they are in the buffer
	if h.Qos == 1 {
		if m.id, err = readUint16(r); err == nil && m.id == 0 {
			err = errors.New("a message of QoS 1 with the packet id 0")
		}
		if err != nil {
			return arrival{}, err
		}
	}
	m.payload = make([]byte, min(rest, ingest.MaxPayload+1))
	if _, err := io.ReadFull(r, m.payload); err != nil {
		return arrival{}, midway(err)
	}
	_, err = r.Discard(rest - len(m.payload))
	return m, midway(err)
}

func readUint16(r *bufio.Reader) (uint16, error) {
	var b [2]byte
	_, err := io.ReadFull(r, b[:])
	return binary.BigEndian.Uint16(b[:]), midway(err)
}

// readReply reads what follows the header of any other packet.
func readReply(r *bufio.Reader, h packets.FixedHeader) (packets.ControlPacket, error) {
	if h.RemainingLength > maxReply {
		return nil, fmt.Errorf("a packet of type %d with %d bytes", h.MessageType, h.RemainingLength)
	}
	p, err := packets.NewControlPacketWithHeader(h)
	if err != nil {
		return nil, err
	}
	body := make([]byte, h.RemainingLength)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, midway(err)
	}
	if err := p.Unpack(bytes.NewBuffer(body)); err != nil {
		return nil, fmt.Errorf("a packet of type %d that is too short: %v", h.MessageType, err) // not %w: no connection has ended
	}
	return p, nil
}

// midway makes the end of a connection within a packet one that is not regular.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
