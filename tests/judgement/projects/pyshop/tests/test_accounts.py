import unittest

from pyshop.accounts import Account, InvalidAddress, normalised


class AccountTest(unittest.TestCase):
    def setUp(self):
        self.account = Account("Ada@Example.org ")

    def test_addresses_are_normalised(self):
        self.assertEqual(self.account.email, "ada@example.org")

    def test_points_are_whole_euros(self):
        self.assertEqual(self.account.earn(1999), 19)
        self.assertEqual(self.account.earn(100), 20)

    def test_levels_follow_points(self):
        self.assertEqual(self.account.level(), "basic")
        self.account.earn(200_00)
        self.assertEqual(self.account.level(), "silver")
        self.account.earn(800_00)
        self.assertEqual(self.account.level(), "gold")

    def test_purchases_are_not_negative(self):
        with self.assertRaises(ValueError):
            self.account.earn(-1)


class AddressTest(unittest.TestCase):
    def test_what_is_no_address_is_refused(self):
        for wrong in ("ada", "ada@", "@example.org", "ada example.org"):
            with self.subTest(wrong), self.assertRaises(InvalidAddress):
                normalised(wrong)
