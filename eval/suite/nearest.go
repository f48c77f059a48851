package suite

import (
	"fmt"
	"strings"

	"smelt/eval/tasks"
)

// unknown is an ErrUnknown that names the nearest of known, or all of them but the subjects of mmlu.
func unknown(what, name string, known []string) error {
	if best, ok := tasks.Nearest(name, known); ok {
		return fmt.Errorf("%w: there is no %s %q; did you mean %s?", ErrUnknown, what, name, best)
	}
	var list []string
	subjects := false
	for _, k := range known {
		if strings.HasPrefix(k, "mmlu_") {
			subjects = true
			continue
		}
		list = append(list, k)
	}
	if subjects {
		list = append(list, "mmlu_SUBJECT")
	}
	return fmt.Errorf("%w: there is no %s %q; there are %s, and files: PATH.yaml", ErrUnknown, what, name, strings.Join(list, ", "))
}
