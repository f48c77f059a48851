package jinja

import (
	"strconv"
	"strings"
	"time"
)

// layout is Go's name for a verb of strftime, or "" for one it does not know.
func layout(verb byte) string {
	switch verb {
	case 'Y':
		return "2006"
	case 'y':
		return "06"
	case 'm':
		return "01"
	case 'd':
		return "02"
	case 'e':
		return "_2"
	case 'B':
		return "January"
	case 'b', 'h':
		return "Jan"
	case 'A':
		return "Monday"
	case 'a':
		return "Mon"
	case 'H':
		return "15"
	case 'I':
		return "03"
	case 'M':
		return "04"
	case 'S':
		return "05"
	case 'p':
		return "PM"
	case 'j':
		return "002"
	case 'Z':
		return "MST"
	case 'z':
		return "-0700"
	case 'F':
		return "2006-01-02"
	case 'T':
		return "15:04:05"
	case 'D':
		return "01/02/06"
	case 'R':
		return "15:04"
	case 'c':
		return "Mon Jan _2 15:04:05 2006"
	case 'x':
		return "01/02/06"
	case 'X':
		return "15:04:05"
	}
	return ""
}

// strftime formats a time as C's strftime does in the C locale. %-d and its like
// drop the leading zero.
func strftime(now time.Time, format string) (string, error) {
	var b []byte
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b = append(b, format[i])
			continue
		}
		i++
		short := format[i] == '-' && i+1 < len(format)
		if short {
			i++
		}
		switch verb := format[i]; verb {
		case '%':
			b = append(b, '%')
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'f':
			b = now.AppendFormat(b, ".000000")
			b = append(b[:len(b)-7], b[len(b)-6:]...)
		case 's':
			b = strconv.AppendInt(b, now.Unix(), 10)
		case 'u', 'w':
			day := int(now.Weekday())
			if verb == 'u' && day == 0 {
				day = 7
			}
			b = strconv.AppendInt(b, int64(day), 10)
		default:
			l := layout(verb)
			if l == "" {
				return "", errorf("strftime: %%%c is not supported", verb)
			}
			s := now.Format(l)
			if short {
				if s = strings.TrimLeft(s, "0 "); s == "" {
					s = "0"
				}
			}
			b = append(b, s...)
		}
	}
	return string(b), nil
}
