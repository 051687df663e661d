package sim

import "math"

// Reference points of the parameters of natural convection.
const (
	buoyantExcess = 25.0 // K of hot air over inlet at which Buoyancy holds
	stillExcess   = 25.0 // K of a board over its air at which BoardAirStill holds
	leastExcess   = 0.1  // K; air is never perfectly still
)

// A fan is one of the fans of a shelf.
type fan struct {
	stopped bool
	spin    float64 // present speed relative to a healthy one, 0..1
}

func newFans(p Params) []fan {
	fans := make([]fan, p.Fans)
	for i := range fans {
		fans[i].spin = 1
	}
	return fans
}

// spin moves each fan towards the speed it should have.
func (s *Shelf) spin() {
	const stiction = 0.02 // relative speed at which a bearing stops turning
	keep := decay(s.p.SpinDown.Seconds())
	for i := range s.fans {
		f := &s.fans[i]
		target := 1.0
		if f.stopped {
			target = 0
		}
		f.spin = target + float64(keep*(f.spin-target))
		if f.stopped && f.spin < stiction {
			f.spin = 0
		}
	}
}

// A column is the boards, air and metal behind one place of the front edge.
type column struct {
	open  float64 // share of the passage that is free
	flow  float64 // W/K, air through the column
	metal float64 // °C, its sheet metal
	gain  float64 // W, from air and boards into the metal, in the present step
}

func newColumns(p Params) []column {
	columns := make([]column, p.Columns)
	for c := range columns {
		columns[c] = column{open: 1, flow: p.Airflow / float64(p.Columns), metal: p.Room + 3}
	}
	for c, open := range p.Open {
		columns[c].open = open
	}
	return columns
}

// blow shares the air out over the columns: what the fans move, less on the
// side of a fan that stands, and what rises by itself, like a chimney by the
// root of the excess.
//
// A column that is partly blocked, by cables or dust, passes less. What the fans
// move they still move: the air that it refuses goes through the others. Air
// that rises by itself has nothing that pushes it elsewhere.
func (s *Shelf) blow() {
	var mean, open float64
	for c, col := range s.columns {
		mean += s.spinAt(c)
		open += col.open
	}
	mean /= float64(s.p.Columns)
	open /= float64(s.p.Columns)
	// Air goes with fan speed, except that fans which are left are relieved
	// of pressure by those that stand: a parabola through 0, HalfFlow and 1.
	relief := float64(4*s.p.HalfFlow) - 2
	driven := s.p.Airflow * mean * (1 + float64(relief*(1-mean))) / float64(s.p.Columns)
	buoyant := s.p.Buoyancy * s.p.Airflow / float64(s.p.Columns)

	exhaust := s.air[s.p.Depth*s.p.Columns:]
	for c := range s.columns {
		free := s.columns[c].open
		tilt := (1 + float64(s.p.Skew*(s.spinAt(c)-mean))) * free / open
		excess := math.Max(exhaust[c]-s.room.inlet, leastExcess)
		s.columns[c].flow = float64(driven*tilt) + float64(buoyant*free*math.Sqrt(excess/buoyantExcess))
	}
}

// spinAt returns the relative fan speed that column c feels: that of the fan
// behind it, changing evenly between the middles of two fans.
func (s *Shelf) spinAt(c int) float64 {
	place := float64((float64(c)+0.5)/float64(s.p.Columns)*float64(s.p.Fans)) - 0.5
	place = min(max(place, 0), float64(s.p.Fans-1))
	left := min(int(place), s.p.Fans-1)
	right := min(left+1, s.p.Fans-1)
	return s.fans[left].spin + float64((place-float64(left))*(s.fans[right].spin-s.fans[left].spin))
}

// exchange marches the air through each column and moves one step's heat
// between boards, air, metal, structure and room.
func (s *Shelf) exchange() {
	for c := range s.columns {
		s.air[c] = s.room.inlet
		s.march(c)
	}
	parts := float64(s.p.Columns)
	var intoRear float64
	for c := range s.columns {
		col := &s.columns[c]
		toRear := float64(s.p.MetalStructure / parts * (col.metal - s.rear))
		toRoom := float64(s.p.MetalRoom / parts * (col.metal - s.room.celsius))
		col.metal += float64((col.gain - toRear - toRoom) * dt / (s.p.MetalHeat / parts))
		intoRear += toRear
	}
	toRoom := float64(s.p.StructureRoom * (s.rear - s.room.celsius))
	s.rear += float64((intoRear - toRoom) * dt / s.p.StructureHeat)
}

// march lets the air of column c pass board after board. Around each board the
// air is well mixed: it takes the mean of what flows in, the board and the
// metal, weighted by their couplings. That holds for any flow, conserves energy
// exactly, and needs no exponential.
func (s *Shelf) march(c int) {
	col := &s.columns[c]
	flow := col.flow
	relative := flow * float64(s.p.Columns) / s.p.Airflow
	fifth := fifthRoot(relative)
	forced := s.p.BoardAir * fifth * fifth * fifth // flow^0.6
	metalAir := float64(s.p.MetalAir / float64(s.p.Columns*s.p.Depth) * math.Max(math.Sqrt(relative), s.p.MetalAirStill))

	col.gain = 0
	air := s.air[c]
	for row := range s.p.Depth {
		slot := row*s.p.Columns + c
		board := s.boards[slot]
		boardAir := s.boardAir(forced, board-s.air[slot+s.p.Columns])
		heat := float64(flow*air) + float64(boardAir*board) + float64(metalAir*col.metal)
		air = heat / (flow + boardAir + metalAir)
		s.air[slot+s.p.Columns] = air

		toMetal := float64(s.p.BoardMetal * (board - col.metal))
		col.gain += float64(metalAir*(air-col.metal)) + toMetal
		watts := throttled(s.load.wanted(slot), board, s.p.ResistanceSoC)
		s.load.watts[slot] = watts
		lost := float64(boardAir*(board-air)) + toMetal
		s.boards[slot] = board + float64((watts-lost)*dt/s.p.BoardHeat)
	}
}

// boardAir returns the coupling of a board to its air in W/K: the greater of
// forced and natural convection, the latter by the fifth root of the excess.
func (s *Shelf) boardAir(forced, excess float64) float64 {
	ratio := math.Max(math.Abs(excess), leastExcess) / stillExcess
	return math.Max(forced, s.p.BoardAirStill*fifthRoot(ratio))
}

// hotAir returns the mean of the exhaust air in °C, weighted by flow.
func (s *Shelf) hotAir() float64 {
	var heat, flow float64
	exhaust := s.air[s.p.Depth*s.p.Columns:]
	for c, col := range s.columns {
		heat += float64(col.flow * exhaust[c])
		flow += col.flow
	}
	return heat / flow
}

// stillness returns 0 with all fans running, 1 without any flow.
func (s *Shelf) stillness() float64 {
	var flow float64
	for _, col := range s.columns {
		flow += col.flow
	}
	return max(1-flow/s.p.Airflow, 0)
}
