package yamlfile

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A place is a value of a document, and the type that it is read into.
type place struct {
	key  string // nearest above it, with ": "; "" for the whole document
	node *yaml.Node
	kind reflect.Type // no pointer
}

// places lists the values below node, in the order of the document, whose type
// follows from t. Those behind an alias are left out.
func places(key string, node *yaml.Node, t reflect.Type) []place {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[yaml.Node]() {
		return nil
	}
	list := []place{{key, node, t}}
	switch {
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range node.Content {
			list = append(list, places(key, item, t.Elem())...)
		}
	case node.Kind == yaml.MappingNode && (t.Kind() == reflect.Map || t.Kind() == reflect.Struct):
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			if below, ok := typeOf(t, name); ok {
				list = append(list, places(name+": ", node.Content[i+1], below)...)
			}
		}
	}
	return list
}

// typeOf returns what the value of a key of a map or struct is read into.
func typeOf(t reflect.Type, key string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name == key {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

// wrongType is the library's wording. It cuts values short.
var wrongType = regexp.MustCompile("(?s)^cannot unmarshal (\\S+)(?: `(.*)`)? into (\\S+)$")

// mistyped rewords the problem of a value of the wrong type, and takes the places
// up to that value off the list. text is returned as it is if it is of another
// kind, or if its value is not on the list.
func mistyped(text string, line int, list *[]place) string {
	m := wrongType.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	for i, p := range *list {
		begin := strings.TrimSuffix(m[2], "...")
		if p.node.Line == line && p.node.ShortTag() == m[1] && p.kind.String() == m[3] && strings.HasPrefix(p.node.Value, begin) {
			*list = (*list)[i+1:]
			return p.key + fmt.Sprintf("want %s, not %s", wanted(p.kind), given(p.node))
		}
	}
	return text
}

// wanted words a type.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration such as 30s or 24h"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	}
	return "keys with values"
}

// given words a value.
func given(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys with values"
	}
	return fmt.Sprintf("%.40q", node.Value)
}
