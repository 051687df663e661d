package snmp

const (
	// maxBatch is the most objects that one request asks for: what fits into about
	// one frame of Ethernet.
	maxBatch = 60

	// minLost is the least that a request is cut to because its answer got lost.
	minLost = 4

	// calm is after how many answers in a row a client asks for more again.
	calm = 1000
)

// A pace is how many objects a request asks a switch for. Some switches can't cut
// an answer to what fits and say tooBig; some never answer then.
type pace struct {
	batch   int // 1 to ceiling
	ceiling int // what was too big once is not tried again
	streak  int // answers since the last loss
	alive   bool
}

func newPace() pace { return pace{batch: maxBatch, ceiling: maxBatch} }

// answered notes an answer.
func (p *pace) answered() {
	p.alive = true
	if p.streak++; p.streak >= calm {
		p.streak, p.batch = 0, min(p.batch*2, p.ceiling)
	}
}

// lost notes a request without an answer, and returns whether to try a smaller
// one: the switch has answered before, so it may be there.
func (p *pace) lost() bool {
	p.streak = 0
	if !p.alive || p.batch <= minLost {
		p.alive = false
		return false
	}
	p.batch = max(p.batch/4, minLost)
	return true
}

// tooBig notes an answer that did not fit, and returns whether a smaller request
// can be made.
func (p *pace) tooBig() bool {
	p.alive = true
	if p.batch == 1 {
		return false
	}
	p.batch /= 2
	p.ceiling = p.batch
	return true
}
