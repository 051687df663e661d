package watch_test

import "testing"

// The shift's clock goes wrong by an hour, and is set right.
func TestAfterOurClockIsSetBackAlertsGoOnAtOnce(t *testing.T) {
	const hour = 3600
	t.Run("what fires is resolved", func(t *testing.T) {
		s := begin(t)
		for second := hour; second <= hour+60; second += 10 {
			s.at(second, pi1.Device("soc"), "temperature", 76)
		}
		s.at(100, pi1.Device("soc"), "temperature", 60)
		s.want(t, "1h1m0s fired SocTemperature warning", "1m40s resolved SocTemperature warning")
	})
	t.Run("what becomes hot then fires after its time", func(t *testing.T) {
		s := begin(t)
		s.at(hour, pi1.Device("soc"), "temperature", 60)
		for second := 100; second <= 200; second += 10 {
			s.at(second, pi1.Device("soc"), "temperature", 76)
		}
		s.want(t, "2m40s fired SocTemperature warning")
	})
	t.Run("what was pending begins anew", func(t *testing.T) {
		s := begin(t)
		s.at(hour, pi1.Device("soc"), "temperature", 76)
		for second := 100; second <= 200; second += 10 {
			s.at(second, pi1.Device("soc"), "temperature", 76)
		}
		s.want(t, "2m40s fired SocTemperature warning")
	})
	t.Run("the mean of the hot air and the fans are of now", func(t *testing.T) {
		s := begin(t)
		s.at(hour, "urn:dev:ow:28a1000000000000", "temperature", 30)
		s.at(hour, "urn:dev:ow:28a2000000000000", "temperature", 30)
		for second := hour; second <= hour+30; second += 10 {
			s.at(second, pi1.Device("fan1"), "speed", 0)
			s.at(second, pi1.Device("fan2"), "speed", 0)
		}
		for second := 100; second <= 120; second += 10 {
			s.at(second, pi1.Device("fan1"), "speed", 60)
			s.at(second, pi1.Device("fan2"), "speed", 60)
		}
		for second := 100; second <= 200; second += 10 {
			s.at(second, "urn:dev:ow:28a1000000000000", "temperature", 60)
		}
		s.want(t,
			"1h0m20s fired FanDegraded warning", "1h0m20s resolved FanDegraded warning", "1h0m20s fired FanFailed critical",
			"1m40s resolved FanFailed critical", "1m40s fired FanDegraded warning", "1m40s resolved FanDegraded warning",
			"2m40s fired HotTemperature warning", "2m40s fired HotTemperature critical")
	})
}

func TestMessagesOfOneMomentDoNotSetTheClockBack(t *testing.T) {
	s := begin(t)
	for second := 0; second < 60; second += 10 {
		s.at(second, pi1.Device("soc"), "temperature", 76)
		s.late(second-30, second, pi1.Device("soc"), "temperature", 60) // an old one changes nothing
	}
	s.at(60, pi1.Device("soc"), "temperature", 76)
	s.want(t, "1m0s fired SocTemperature warning")
}
