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
	checked map[string]string // names of records
	words   map[string]string // units and short texts
	joined  []byte
}

// name returns the record name that a base name and a name make, or what is
// wrong with it.
func (n *names) name(base string, name []byte) (string, error) {
	n.joined = append(append(n.joined[:0], base...), name...)
	if known, ok := n.checked[string(n.joined)]; ok {
		return known, nil
	}
	made := string(n.joined)
	if err := checkName(made); err != nil {
		return "", err
	}
	n.checked = remember(n.checked, made)
	return made, nil
}

// word returns b as a string.
func (n *names) word(b []byte) string {
	if known, ok := n.words[string(b)]; ok {
		return known
	}
	made := string(b)
	n.words = remember(n.words, made)
	return made
}

func remember(known map[string]string, s string) map[string]string {
	if len(s) > maxNameLength {
		return known
	}
	if known == nil || len(known) >= maxNames {
		known = map[string]string{}
	}
	known[s] = s
	return known
}
