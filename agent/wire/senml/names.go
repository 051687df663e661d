package senml

const (
	// maxNames is how many names are remembered: those of ten thousand nodes of
	// a dozen records, and once more.
	maxNames = 1 << 18
	// maxNameLength bounds what is remembered, in bytes; ours are under 60.
	maxNameLength = 96
)

// names remembers strings that come again in every pack, so that each is made,
// and its form checked, once. When there are too many it begins anew.
type names struct {
	checked map[string]*known // names of records
	words   map[string]string // units and short texts
	last    *known            // that was asked for
	joined  []byte
}

// A known name has been checked.
type known struct {
	name string
	next *known // the one that came behind it the last time
}

// name returns the record name that a base name and a name make, or what is
// wrong with it. The records of a pack come in the same order every time, and so
// the name behind the last is tried first.
func (n *names) name(base string, name []byte) (string, error) {
	n.joined = append(append(n.joined[:0], base...), name...)
	if n.last != nil && n.last.next != nil && n.last.next.name == string(n.joined) {
		n.last = n.last.next
		return n.last.name, nil
	}
	found, ok := n.checked[string(n.joined)]
	if !ok {
		found = &known{name: string(n.joined)}
		if err := checkName(found.name); err != nil {
			return "", err
		}
		n.checked = remember(n.checked, found.name, found)
	}
	if n.last != nil {
		n.last.next = found
	}
	n.last = found
	return found.name, nil
}

// word returns b as a string.
func (n *names) word(b []byte) string {
	if word, ok := n.words[string(b)]; ok {
		return word
	}
	word := string(b)
	n.words = remember(n.words, word, word)
	return word
}

func remember[T any](all map[string]T, s string, v T) map[string]T {
	if len(s) > maxNameLength {
		return all
	}
	if all == nil || len(all) >= maxNames {
		all = map[string]T{}
	}
	all[s] = v
	return all
}
