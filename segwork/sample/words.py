"""What the sample company sells, where its customers live, and what they write."""

from __future__ import annotations

from functools import cache

import numpy as np

REGIONS = (
    "Jakarta", "Jawa Barat", "Jawa Tengah", "DI Yogyakarta", "Jawa Timur", "Banten",
    "Bali", "Sumatera Utara", "Sumatera Selatan", "Sulawesi Selatan", "Kalimantan Timur",
)  # fmt: skip
REGION_SHARE = np.array([20, 19, 12, 8, 15, 8, 4, 6, 3, 3, 2]) / 100
POST_CODE = (10, 40, 50, 55, 60, 15, 80, 20, 30, 90, 75)
ABROAD = (
    ("Singapore", "USD"), ("Malaysia", "USD"), ("United States", "USD"),
    ("Netherlands", "EUR"), ("Germany", "EUR"),
)  # fmt: skip

CATEGORIES = {  # name -> median price in IDR, share of the price that is cost
    "groceries": (32_000, 0.80), "household": (45_000, 0.72), "beauty": (85_000, 0.55),
    "fashion": (160_000, 0.52), "baby": (110_000, 0.70), "stationery": (28_000, 0.60),
    "kitchen": (190_000, 0.62), "sport": (240_000, 0.60), "toys": (125_000, 0.58),
    "gadgets": (420_000, 0.78), "garden": (95_000, 0.64), "books": (88_000, 0.66),
}  # fmt: skip
NOUNS = {
    "groceries": ("Kopi Café", "Beras Pandan", "Teh Melati", "Sambal"),
    "household": ("Sabun Cuci", "Lampu LED", "Sapu", "Ember"),
    "beauty": ("Crème Siang", "Sampo", "Lipstik", "Serum"),
    "fashion": ("Kemeja Batik", "Sarung", "Sepatu", "Jaket"),
    "baby": ("Popok", "Botol Susu", "Selimut", "Bubur"),
    "stationery": ("Buku Tulis", "Pena", "Map", "Kertas A4"),
    "kitchen": ("Wajan", "Panci", "Pisau", "Rice Cooker"),
    "sport": ("Bola", "Raket", "Matras", "Jersey"),
    "toys": ("Puzzle", "Boneka", "Mobil Mainan", "Balok"),
    "gadgets": ("Earphone", "Power Bank", "Kabel USB", "Speaker"),
    "garden": ("Pot Bunga", "Pupuk", "Selang", "Benih"),
    "books": ("Novel", "Komik", "Kamus", "Résumé Sejarah"),
}
SIZES = ("mini", "small", "standard", "large", "premium")
HOSTILE = {7: "<script>alert(1)</script>", 53: '=HYPERLINK("http://example.com","Promo")'}
PER_CATEGORY = 20


@cache
def catalogue() -> dict[str, np.ndarray]:
    """Return the 240 products by category and rising price: name, category, price, cost share."""
    quantile = (np.arange(PER_CATEGORY) + 0.5) / PER_CATEGORY
    spread = np.exp(1.1 * np.log(quantile / (1 - quantile)) / 1.7)
    names, categories, prices, costs = [], [], [], []
    for category, (median, cost) in CATEGORIES.items():
        pairs = [f"{noun} {size}" for size in SIZES for noun in NOUNS[category]]
        names += pairs
        categories += [category] * PER_CATEGORY
        prices.append(np.maximum(np.round(median * spread / 500) * 500, 2_000))
        costs.append(np.full(PER_CATEGORY, cost))
    for place, text in HOSTILE.items():
        names[place] = text
    return {
        "name": np.array(names),
        "category": np.array(categories),
        "price": np.concatenate(prices),
        "cost": np.concatenate(costs),
    }


PAYMENTS = ("bank_transfer", "credit_card", "e_wallet", "qris", "cash_on_delivery", "pay_later")
REASONS = ("damaged", "wrong size", "late delivery", "changed my mind", "not as described")
REASON_FORMS = ("DAMAGED ", "Wrong Size", "LATE DELIVERY ", "Changed My Mind", "not as described ")
CURRENCIES = ("IDR", "USD", "EUR")
AGENTS = (
    "Mozilla/5.0 (Linux; Android 14; SM-A155F) Chrome/126.0 Mobile",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0",
    "PriceCrawler/2.1 (+http://example.com/bot)",
)
EVENTS = ("page_view", "search", "cart_add", "cart_remove", "checkout", "app_open")
CHANNELS = ("call", "email", "chat", "social")
KINDS = ("complaint", "question", "order_status", "praise", "engagement")
OPENINGS = (
    "Hello, ", "Halo admin, ", "Good morning, ", "Selamat siang, ", "Hi, ", "Permisi, ",
    "Dear team, ", "Mohon bantuannya, ", "Kak, ", "To whom it may concern, ",
)  # fmt: skip
CLOSINGS = (
    " Thank you.", " Terima kasih.", " Please reply soon.", " Mohon segera dibalas.", "",
    " I am waiting for your answer.", " Ditunggu kabarnya.", " Regards.",
)  # fmt: skip
SENTENCES = {
    "complaint": (
        "the {} arrived broken and I am very disappointed.",
        "paket {} saya terlambat sekali, saya kecewa.",
        "I was charged twice for the {}, this is unacceptable.",
        "{} yang dikirim salah dan pelayanan buruk.",
        "nobody answers my request about the {}, terrible service.",
    ),
    "question": (
        "is the {} still in stock?",
        "apakah {} bisa dikirim ke luar kota?",
        "what is the warranty on the {}?",
        "kapan promo {} berikutnya?",
    ),
    "order_status": (
        "where is my {}? The page still says on its way.",
        "mohon info status pengiriman {} saya.",
        "can I change the address for the {}?",
    ),
    "praise": (
        "I love the {}, great quality and fast delivery!",
        "{} bagus sekali, pengiriman cepat, puas!",
        "excellent service, the {} is perfect.",
    ),
    "engagement": (
        "just shared my new {} with friends!",
        "lihat {} baru saya, keren!",
        "sharing a photo of the {} for your contest, happy with it!",
    ),
}
SENTIMENTS = ("negative", "neutral", "positive")
FEELING = {"complaint": 0, "question": 1, "order_status": 1, "praise": 2, "engagement": 2}
