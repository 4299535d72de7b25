import threading

import pytest

from bench.contestants.floor.threads import ThreadTeam, run


def test_a_program_is_its_calls_in_their_order():
    made = []
    run([lambda: made.append(1), lambda: made.append(2)])
    assert made == [1, 2]


def test_a_team_runs_its_programs_at_the_same_time_again_and_again():
    barrier = threading.Barrier(3, timeout=30)
    made = []

    def meet():
        barrier.wait()
        made.append(threading.current_thread())

    with ThreadTeam(3) as team:
        for _ in range(4):
            team.run([[meet, meet]] * 3)
    assert len(made) == 24
    assert len(set(made)) == 3
    assert threading.current_thread() in made


@pytest.mark.parametrize("failing", [0, 1])
def test_what_a_program_raises_is_raised_once_all_have_ended(failing):
    made = []

    def fail():
        raise ArithmeticError("as asked")

    programs = [[lambda: made.append(1)], [lambda: made.append(1)]]
    with ThreadTeam(2) as team:
        with pytest.raises(ArithmeticError, match="as asked"):
            team.run([[fail] if number == failing else program for number, program in enumerate(programs)])
        assert made == [1]
        team.run(programs)
    assert made == [1, 1, 1]


def test_the_threads_of_a_team_end_with_its_block():
    with ThreadTeam(3) as team:
        team.run([[], [], []])
        workers = [thread for thread in threading.enumerate() if thread.name == "floor"]
    for worker in workers:
        worker.join(timeout=30)
    assert len(workers) >= 2
    assert not any(worker.is_alive() for worker in workers)
