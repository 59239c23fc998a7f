"""What travels from worker to worker."""

import pickle

from schemas.batches import Batch


def test_a_batch_comes_out_of_pickle_as_it_went_in() -> None:
    batch = Batch("binance:BTC/USDT", 3, [(1, 1_723_161_471_000, b"a"), (2**40, 0, b"")])
    again = pickle.loads(pickle.dumps(batch))  # noqa: S301, our own
    assert again == batch
    assert isinstance(batch.__reduce__()[1][0], bytes)  # not message by message
    assert [type(message) for message in again.messages] == [tuple, tuple]
