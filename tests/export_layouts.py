"""Exports as shop systems, tills, banks and call centres write them, from one invented truth.

Layouts by what their products write (order lists of WooCommerce, Magento, Square, Etsy and others,
from memory; values are invented). Each says what its columns mean and what its lines are worth.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Line = dict[str, Any]
ZERO = datetime(1899, 12, 30)
PRICES = {product: 300 + 735 * product for product in range(1, 11)}
"""Price of a product in hundredths."""
FIRST = ("Ayu", "Bram", "Chiara", "Dorte", "Emil", "Farida", "Goran", "Hana")
LAST = ("Anders", "Brown", "Costa", "Dubois", "Ek", "Fischer", "Gomez", "Hartono")


def sales(count: int = 120) -> list[Line]:
    """Make order lines: order, time, customer, product, pieces, price, cancelled, back."""
    draw, moment, lines = random.Random(3), datetime(2023, 2, 6, 9), []
    for order in range(1, count + 1):
        moment += timedelta(minutes=draw.randint(300, 6000))
        customer, fate = draw.randint(1, 40), draw.random()
        products, own = draw.sample(range(1, 11), draw.choice([1, 1, 2, 3])), []
        for product in products:
            line = {"order": order, "at": moment, "customer": customer, "product": product}
            line |= {"pieces": draw.randint(1, 4), "cancelled": fate < 0.08, "back": fate > 0.94}
            own.append({**line, "cents": PRICES[product], "first": product == products[0]})
        whole = sum(line["pieces"] * line["cents"] for line in own)
        lines += [{**line, "whole": whole, "row": len(lines) + n} for n, line in enumerate(own)]
    return lines


def money(cents: float, thousands: str = ",", decimal: str = ".") -> str:
    """Write hundredths as money."""
    text = f"{abs(cents) / 100:,.2f}".translate(str.maketrans({",": thousands, ".": decimal}))
    return f"-{text}" if cents < 0 else text


def comma(cents: float) -> str:
    """Write hundredths as 1.234,50."""
    return money(cents, ".", ",")


def total(line: Line) -> int:
    """Money of a line in hundredths."""
    return line["pieces"] * line["cents"]


def signed(line: Line) -> int:
    """Money of a line in hundredths; below 0 where it was given back."""
    return -total(line) if line["back"] else total(line)


def kept(line: Line) -> int | None:
    """Money of a line that was not cancelled."""
    return None if line["cancelled"] else total(line)


def name(line: Line) -> str:
    """Name a customer; several share one."""
    return f"{FIRST[line['customer'] % 8]} {LAST[line['customer'] // 3 % 8]}"


def mail(line: Line) -> str:
    """Return the address of a customer."""
    return f"c{line['customer']}@example.com"


def half(line: Line) -> str:
    """Write a moment as tills of Mexico do."""
    return f"{line['at']:%d/%m/%Y %I:%M:%S} {'a. m.' if line['at'].hour < 12 else 'p. m.'}"


def epoch(line: Line, times: float = 1) -> int:
    """Write a moment as seconds since 1970, or parts of them."""
    return int((line["at"] - datetime(1970, 1, 1)).total_seconds() * times)


def one_each(line: Line) -> bool:
    """Say whether a line is the first of its customer."""
    return line["row"] == min(x["row"] for x in sales() if x["customer"] == line["customer"])


@dataclass(frozen=True)
class Layout:
    """A way to write order lines.

    Parameters
    ----------
    cells : mapping of header to what it shows of a line
    means : mapping of contract column to header
    worth : callable
        Hundredths of a line that count; None: the line does not count.
    nobody : callable
        Whether a line is of no known customer.
    ask : set of str
        What a careful reader asks about.
    only : callable
        Whether a line has a row.
    also : set of str
        What may be mapped, too, as ``contract=header``.
    honest : bool
        There is an honest mapping.
    """

    cells: dict[str, Callable[[Line], Any]]
    means: dict[str, str]
    worth: Callable[[Line], float | None] = total
    nobody: Callable[[Line], bool] = lambda _: False
    ask: frozenset[str] = frozenset()
    only: Callable[[Line], bool] = lambda _: True
    also: frozenset[str] = frozenset()
    honest: bool = True
    table: str = "transactions"
    delimiter: str = ","
    encoding: str = "utf-8"
    ending: str = "csv"
    above: tuple[tuple[str, ...], ...] = ()
    after: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()
    format: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[Line]:
        """Return the lines that have a row."""
        return [line for line in sales() if self.only(line)]

    def write(self, folder: Path) -> Path:
        """Write the export."""
        file = folder / f"export.{self.ending}"
        rows = [[cell(line) for cell in self.cells.values()] for line in self.lines()]
        grid = [*self.above, list(self.cells), *self.after, *rows, *self.below]
        if self.ending == "xlsx":
            import openpyxl

            book = openpyxl.Workbook()
            book.active.append(["This workbook was exported by the till."])
            page = book.create_sheet("Data")
            for row in grid:
                page.append(list(row))
            book.create_sheet("Pivot").append(["Total", 1])
            book.save(file)
            return file
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n").writerows(grid)
        file.write_bytes(text.getvalue().encode(self.encoding))
        return file


LAYOUTS: dict[str, Layout] = {
    "woocommerce": Layout(
        {
            "Order Number": lambda x: 4100 + x["order"],
            "Order Status": lambda x: "Cancelled" if x["cancelled"] else "Completed",
            "Order Date": lambda x: f"{x['at']:%Y-%m-%d %H:%M}",
            "Customer Note": lambda x: "ring twice,\nplease" if x["order"] % 9 == 0 else "",
            "First Name (Billing)": lambda x: name(x).split()[0],
            "Last Name (Billing)": lambda x: name(x).split()[1],
            "City (Billing)": lambda _: "Leeds",
            "Country Code (Billing)": lambda _: "GB",
            "Email (Billing)": mail,
            "Phone (Billing)": lambda x: f"07700 900{x['customer']:03}",
            "Payment Method Title": lambda x: "PayPal" if x["order"] % 2 else "Card",
            "Cart Discount Amount": lambda _: 0,
            "Order Subtotal Amount": lambda x: money(x["whole"], ""),
            "Order Shipping Amount": lambda _: "4.95",
            "Order Refund Amount": lambda x: money(x["whole"], "") if x["back"] else "0",
            "Order Total Amount": lambda x: money(x["whole"] + 495, ""),
            "SKU": lambda x: f"CND-{x['product']}",
            "Item #": lambda x: x["row"] % 3 + 1,
            "Item Name": lambda x: f"Candle {x['product']}",
            "Quantity (- Refund)": lambda x: x["pieces"],
            "Item Cost": lambda x: money(x["cents"], ""),
        },
        {
            "customer_id": "Email (Billing)",
            "order_id": "Order Number",
            "ordered_at": "Order Date",
            "quantity": "Quantity (- Refund)",
            "unit_price": "Item Cost",
            "product_id": "SKU",
            "product_description": "Item Name",
            "payment_method": "Payment Method Title",
            "country": "Country Code (Billing)",
        },
        lambda x: None if x["cancelled"] else 0 if x["back"] else total(x),
    ),
    "magento": Layout(
        {
            "ID": lambda x: f"{100000000 + x['order']}",
            "Purchase Point": lambda _: "Main Website\nMain Store",
            "Purchase Date": lambda x: f"{x['at']:%b %d, %Y %I:%M:%S %p}",
            "Bill-to Name": name,
            "Ship-to Name": name,
            "Grand Total (Base)": lambda x: f"${money(x['whole'])}",
            "Status": lambda x: "canceled" if x["cancelled"] else "complete",
            "Shipping and Handling": lambda _: "$0.00",
            "Customer Email": mail,
            "Customer Group": lambda _: "General",
            "Payment Method": lambda _: "checkmo",
            "Total Refunded": lambda x: f"${money(x['whole'] if x['back'] else 0)}",
        },
        {
            "customer_id": "Customer Email",
            "order_id": "ID",
            "ordered_at": "Purchase Date",
            "amount": "Grand Total (Base)",
            "payment_method": "Payment Method",
        },
        lambda x: None if x["cancelled"] else 0 if x["back"] else x["whole"],
        only=lambda x: x["first"],
    ),
    "square": Layout(
        {
            "Date": lambda x: f"{x['at']:%m/%d/%y}",
            "Time": lambda x: f"{x['at']:%H:%M:%S}",
            "Time Zone": lambda _: "Eastern Time (US & Canada)",
            "Category": lambda _: "Candles",
            "Item": lambda x: f"Candle {x['product']}",
            "Qty": lambda x: f"{-x['pieces'] if x['back'] else x['pieces']}.0",
            "SKU": lambda x: f"CND{x['product']}",
            "Gross Sales": lambda x: f"-${money(total(x))}" if x["back"] else f"${money(total(x))}",
            "Discounts": lambda _: "$0.00",
            "Net Sales": lambda x: f"-${money(total(x))}" if x["back"] else f"${money(total(x))}",
            "Tax": lambda x: f"${money(total(x) * 0.08)}",
            "Transaction ID": lambda x: f"xK{x['order']:05}Q",
            "Payment ID": lambda x: f"pY{x['order']:05}R",
            "Device Name": lambda _: "Front",
            "Event Type": lambda x: "Refund" if x["back"] else "Payment",
            "Location": lambda _: "Main Street",
            "Customer ID": lambda x: f"CU{x['customer']:03}" if x["customer"] > 9 else "",
            "Customer Name": lambda x: name(x) if x["customer"] > 9 else "",
        },
        {
            "customer_id": "Customer ID",
            "order_id": "Transaction ID",
            "ordered_at": "Date",
            "quantity": "Qty",
            "amount": "Net Sales",
            "product_id": "SKU",
            "product_description": "Item",
        },
        signed,
        lambda x: x["customer"] <= 9,
        frozenset({"amount"}),
        also=frozenset({"amount=Gross Sales", "product_category=Category"}),
    ),
    "etsy": Layout(
        {
            "Sale Date": lambda x: f"{x['at']:%m/%d/%y}",
            "Item Name": lambda x: f"Candle {x['product']}, hand made",
            "Buyer": lambda x: f"buyer{x['customer']}",
            "Quantity": lambda x: x["pieces"],
            "Price": lambda x: money(x["cents"], ""),
            "Coupon Code": lambda _: "",
            "Discount Amount": lambda _: "0",
            "Shipping Discount": lambda _: "0",
            "Order Shipping": lambda _: "3.5",
            "Order Sales Tax": lambda _: "0",
            "Item Total": lambda x: money(total(x), ""),
            "Currency": lambda _: "USD",
            "Transaction ID": lambda x: 3300000000 + x["row"],
            "Listing ID": lambda x: 880000000 + x["product"],
            "Date Paid": lambda x: f"{x['at'] + timedelta(1):%m/%d/%Y}",
            "Date Shipped": lambda x: f"{x['at'] + timedelta(3):%m/%d/%Y}",
            "Ship Name": name,
            "Ship Country": lambda _: "United States",
            "Order ID": lambda x: 2700000000 + x["order"],
            "Payment Type": lambda _: "online_cc",
            "SKU": lambda x: f"CND{x['product']}",
        },
        {
            "customer_id": "Buyer",
            "order_id": "Order ID",
            "ordered_at": "Sale Date",
            "quantity": "Quantity",
            "unit_price": "Price",
            "amount": "Item Total",
            "currency": "Currency",
            "product_id": "SKU",
            "product_description": "Item Name",
        },
        also=frozenset(
            {"product_id=Listing ID", "country=Ship Country", "payment_method=Payment Type"}
        ),
    ),
    "ebay": Layout(
        {
            "Sales Record Number": lambda x: x["row"] + 100,
            "Order Number": lambda x: f"12-{x['order']:05}-77",
            "Buyer Username": lambda x: f"user_{x['customer']}",
            "Buyer Name": name,
            "Buyer Email": lambda x: f"m{x['order']:05}@members.example.com",
            "Item Number": lambda x: f"2556{x['product']:08}",
            "Item Title": lambda x: f"Candle {x['product']}",
            "Quantity": lambda x: x["pieces"],
            "Sold For": lambda x: f"${money(x['cents'])}",
            "Shipping And Handling": lambda _: "$4.00",
            "Total Price": lambda x: f"${money(x['whole'] + 400)}" if x["first"] else "",
            "Payment Method": lambda _: "PayPal",
            "Sale Date": lambda x: f"{x['at']:%b-%d-%y}",
            "Paid On Date": lambda x: f"{x['at'] + timedelta(1):%b-%d-%y}",
        },
        {
            "customer_id": "Buyer Username",
            "order_id": "Order Number",
            "ordered_at": "Sale Date",
            "quantity": "Quantity",
            "unit_price": "Sold For",
            "product_id": "Item Number",
            "product_description": "Item Title",
            "payment_method": "Payment Method",
        },
        above=(("",),),
        below=(("",), ("228,record(s) downloaded",), ("Seller ID : shop",)),
    ),
    "bank, SEPA": Layout(
        {
            "Auftragskonto": lambda _: "DE02120300000000202051",
            "Buchungstag": lambda x: f"{x['at']:%d.%m.%y}",
            "Valutadatum": lambda x: f"{x['at'] + timedelta(1):%d.%m.%y}",
            "Buchungstext": lambda _: "GUTSCHR. UEBERWEISUNG",
            "Verwendungszweck": lambda x: f"Rechnung {x['order']:05} Danke",
            "Gläubiger ID": lambda _: "",
            "Kundenreferenz (End-to-End)": lambda x: f"E2E{x['row']:06}",
            "Begünstigter/Zahlungspflichtiger": name,
            "Kontonummer/IBAN": lambda x: f"DE{x['customer']:020}",
            "BIC (SWIFT-Code)": lambda _: "BYLADEM1001",
            "Betrag": lambda x: comma(signed(x)),
            "Währung": lambda _: "EUR",
            "Info": lambda _: "Umsatz gebucht",
        },
        {
            "customer_id": "Kontonummer/IBAN",
            "ordered_at": "Buchungstag",
            "amount": "Betrag",
            "currency": "Währung",
        },
        signed,
        delimiter=";",
        encoding="cp1252",
        also=frozenset({"order_id=Kundenreferenz (End-to-End)"}),
    ),
    "spanish invoices": Layout(
        {
            "Nº Factura": lambda x: f"F23/{x['order']:04}",
            "Fecha": lambda x: f"{x['at']:%d/%m/%Y}",
            "Vencimiento": lambda x: f"{x['at'] + timedelta(30):%d/%m/%Y}",
            "Cód. Cliente": lambda x: f"{x['customer']:05}",
            "Razón Social": name,
            "Cód. Artículo": lambda x: f"AR{x['product']}",
            "Descripción": lambda x: f"Vela perfumada nº {x['product']}",
            "Cantidad": lambda x: f"{x['pieces']},00",
            "Precio Unit.": lambda x: comma(x["cents"]),
            "Importe": lambda x: comma(total(x)),
            "% IVA": lambda _: "21,00",
        },
        {
            "customer_id": "Cód. Cliente",
            "order_id": "Nº Factura",
            "ordered_at": "Fecha",
            "quantity": "Cantidad",
            "unit_price": "Precio Unit.",
            "amount": "Importe",
            "product_id": "Cód. Artículo",
            "product_description": "Descripción",
        },
        delimiter=";",
        encoding="cp1252",
        above=(("Listado de ventas",), ("Ejercicio 2023",), ()),
        below=(("Total", "", "", "", "", "", "", "", "", "9.999,99", ""),),
    ),
    "dutch, with and without tax": Layout(
        {
            "Factuurnr": lambda x: 20230000 + x["order"],
            "Factuurdatum": lambda x: f"{x['at']:%d-%m-%Y}",
            "Debiteurnr": lambda x: 1000 + x["customer"],
            "Debiteurnaam": name,
            "Artikelcode": lambda x: f"K{x['product']:03}",
            "Omschrijving": lambda x: f"Kaars nr {x['product']}",
            "Aantal": lambda x: x["pieces"],
            "Bedrag excl. BTW": lambda x: comma(total(x)),
            "Bedrag incl. BTW": lambda x: comma(1.21 * total(x)),
        },
        {
            "customer_id": "Debiteurnr",
            "order_id": "Factuurnr",
            "ordered_at": "Factuurdatum",
            "quantity": "Aantal",
            "amount": "Bedrag excl. BTW",
            "product_id": "Artikelcode",
            "product_description": "Omschrijving",
        },
        ask=frozenset({"amount"}),
        delimiter=";",
    ),
    "brazilian shop, two customers": Layout(
        {
            "Pedido": lambda x: f"v{x['order']:07}shp-01",
            "Data de Criação": lambda x: f"{x['at']:%d/%m/%Y %H:%M:%S}",
            "E-mail do Cliente": mail,
            "CPF": lambda x: f"{x['customer']:011}",
            "Nome do Cliente": name,
            "UF": lambda _: "SP",
            "Status do Pedido": lambda x: "Cancelado" if x["cancelled"] else "Faturado",
            "SKU": lambda x: f"V{x['product']}",
            "Produto": lambda x: f"Vela aromática {x['product']}",
            "Quantidade": lambda x: x["pieces"],
            "Preço Unitário": lambda x: f"R$ {comma(x['cents'])}",
            "Valor Total do Item": lambda x: f"R$ {comma(total(x))}",
            "Frete": lambda _: "R$ 12,00",
            "Forma de Pagamento": lambda _: "Pix",
        },
        {
            "customer_id": "CPF",
            "order_id": "Pedido",
            "ordered_at": "Data de Criação",
            "quantity": "Quantidade",
            "unit_price": "Preço Unitário",
            "amount": "Valor Total do Item",
            "product_id": "SKU",
            "product_description": "Produto",
            "payment_method": "Forma de Pagamento",
        },
        kept,
        ask=frozenset({"customer_id"}),
        also=frozenset({"customer_id=E-mail do Cliente", "region=UF"}),
        delimiter=";",
    ),
    "french shop": Layout(
        {
            "Référence": lambda x: f"XKBK{x['order']:05}",
            "Nouveau client": lambda x: "Oui" if x["order"] < 30 else "Non",
            "ID client": lambda x: x["customer"],
            "Client": lambda x: f"{name(x)[0]}. {name(x).split()[1]}",
            "Produit": lambda x: f"Bougie parfumée {x['product']}",
            "Qté": lambda x: x["pieces"],
            "Prix unitaire": lambda x: f"{money(x['cents'], chr(160), ',')} €",
            "Total ligne": lambda x: f"{money(total(x), chr(160), ',')} €",
            "Paiement": lambda _: "Carte bancaire",
            "État": lambda x: "Annulée" if x["cancelled"] else "Livrée",
            "Date": lambda x: f"{x['at']:%d/%m/%Y %H:%M:%S}",
        },
        {
            "customer_id": "ID client",
            "order_id": "Référence",
            "ordered_at": "Date",
            "quantity": "Qté",
            "unit_price": "Prix unitaire",
            "amount": "Total ligne",
            "product_description": "Produit",
            "payment_method": "Paiement",
        },
        kept,
        delimiter=";",
        encoding="cp1252",
    ),
    "indonesian till": Layout(
        {
            "Outlet": lambda x: "Kemang" if x["order"] % 2 else "Menteng",
            "No. Struk": lambda x: f"ST{x['order']:05}",
            "Tanggal": lambda x: f"{x['at']:%d-%m-%Y}",
            "Jam": lambda x: f"{x['at']:%H:%M}",
            "Kode Pelanggan": lambda x: "UMUM" if x["customer"] < 9 else f"P{x['customer']:03}",
            "Kasir": lambda _: "Sari",
            "Nama Barang": lambda x: f"Lilin aroma {x['product']}",
            "Jml": lambda x: x["pieces"],
            "Harga Satuan": lambda x: f"Rp {x['cents']:,}".replace(",", "."),
            "Subtotal": lambda x: f"Rp {total(x):,}".replace(",", "."),
            "Metode Pembayaran": lambda x: "QRIS" if x["order"] % 3 else "Tunai",
        },
        {
            "customer_id": "Kode Pelanggan",
            "order_id": "No. Struk",
            "ordered_at": "Tanggal",
            "quantity": "Jml",
            "unit_price": "Harga Satuan",
            "amount": "Subtotal",
            "product_description": "Nama Barang",
            "payment_method": "Metode Pembayaran",
        },
        lambda x: 100 * total(x),
        lambda x: x["customer"] < 9,
        ending="xlsx",
        above=(("LAPORAN PENJUALAN",), ("Periode", "2023-2024"), ()),
        below=(("TOTAL", "", "", "", "", "", "", "", "", "Rp 99.999.999"),),
    ),
    "japanese shop": Layout(
        {
            "受注番号": lambda x: f"J{x['order']:06}",
            "受注日": lambda x: f"{x['at'].year}年{x['at'].month}月{x['at'].day}日",
            "発送日": lambda x: f"{x['at'] + timedelta(2):%Y年%m月%d日}",
            "顧客コード": lambda x: f"{x['customer']:06}",
            "顧客名": lambda _: "山田 太郎",
            "商品コード": lambda x: f"C{x['product']:03}",
            "商品名": lambda _: "アロマキャンドル",
            "個数": lambda x: x["pieces"],
            "単価": lambda x: f"￥{x['cents']:,}",
            "小計": lambda x: f"￥{total(x):,}",
            "ステータス": lambda x: "キャンセル" if x["cancelled"] else "発送済",
        },
        {
            "customer_id": "顧客コード",
            "order_id": "受注番号",
            "ordered_at": "受注日",
            "quantity": "個数",
            "unit_price": "単価",
            "amount": "小計",
            "product_id": "商品コード",
            "product_description": "商品名",
        },
        lambda x: None if x["cancelled"] else 100 * total(x),
        encoding="cp932",
    ),
    "an own database, epoch": Layout(
        {
            "id": lambda x: x["row"] + 1,
            "order_uuid": lambda x: f"0f{x['order']:06x}-aa",
            "user_id": lambda x: x["customer"] + 50000,
            "created_ms": lambda x: int((x["at"] - datetime(1970, 1, 1)).total_seconds() * 1000),
            "updated_ms": lambda x: (
                int((x["at"] - datetime(1970, 1, 1)).total_seconds() * 1000) + 9_000_000
            ),
            "sku": lambda x: f"c-{x['product']}",
            "qty": lambda x: x["pieces"],
            "line_total_cents": total,
            "currency": lambda _: "EUR",
            "is_valid": lambda x: "false" if x["cancelled"] else "true",
        },
        {
            "customer_id": "user_id",
            "order_id": "order_uuid",
            "ordered_at": "created_ms",
            "quantity": "qty",
            "amount": "line_total_cents",
            "currency": "currency",
            "product_id": "sku",
        },
        kept,
    ),
    "swiss, quoted newlines, UTF-16": Layout(
        {
            "Beleg-Nr.": lambda x: f"B{x['order']:05}",
            "Belegdatum": lambda x: f"{x['at']:%d.%m.%Y}",
            "Kunden-Nr.": lambda x: f"{x['customer']:04}",
            "Artikel-Nr.": lambda x: f"{x['product']:03}",
            "Bemerkung": lambda x: "Erste Zeile\nzweite; Zeile" if x["first"] else "",
            "Menge": lambda x: x["pieces"],
            "Preis CHF": lambda x: money(100 * x["cents"], "'"),
            "Betrag CHF": lambda x: money(100 * total(x), "'"),
        },
        {
            "customer_id": "Kunden-Nr.",
            "order_id": "Beleg-Nr.",
            "ordered_at": "Belegdatum",
            "quantity": "Menge",
            "unit_price": "Preis CHF",
            "amount": "Betrag CHF",
            "product_id": "Artikel-Nr.",
        },
        lambda x: 100 * total(x),
        delimiter=";",
        encoding="utf-16",
    ),
    "italian, credit notes as kind": Layout(
        {
            "Tipo documento": lambda x: "Nota di credito" if x["back"] else "Fattura",
            "Numero": lambda x: f"{x['order']}/2023",
            "Data doc.": lambda x: f"{x['at']:%d/%m/%Y}",
            "Scadenza": lambda x: f"{x['at'] + timedelta(30):%d/%m/%Y}",
            "Cod. cliente": lambda x: f"C{x['customer']:04}",
            "Ragione sociale": name,
            "Descrizione": lambda x: f"Candela profumata {x['product']}",
            "Q.tà": lambda x: x["pieces"],
            "Prezzo": lambda x: comma(x["cents"]),
            "Importo": lambda x: comma(total(x)),
        },
        {
            "customer_id": "Cod. cliente",
            "order_id": "Numero",
            "ordered_at": "Data doc.",
            "quantity": "Q.tà",
            "unit_price": "Prezzo",
            "amount": "Importo",
            "product_description": "Descrizione",
        },
        signed,
        delimiter=";",
        encoding="cp1252",
    ),
    "till journal, serial dates": Layout(
        {
            "STORE_NBR": lambda _: 12,
            "RCPT_NBR": lambda x: 70000 + x["order"],
            "TRANS_DATE": lambda x: (x["at"] - ZERO).days,
            "TRANS_TIME": lambda x: f"{x['at']:%H%M%S}".lstrip("0"),
            "CARD_NBR": lambda x: "" if x["customer"] < 9 else 6030000 + x["customer"],
            "CASHIER_ID": lambda _: 4,
            "SKU_NBR": lambda x: 4000 + x["product"],
            "UNITS": lambda x: x["pieces"],
            "EXT_AMT": lambda x: money(total(x), ""),
            "RTN_IND": lambda x: "Y" if x["back"] else "N",
        },
        {
            "customer_id": "CARD_NBR",
            "order_id": "RCPT_NBR",
            "ordered_at": "TRANS_DATE",
            "quantity": "UNITS",
            "amount": "EXT_AMT",
            "product_id": "SKU_NBR",
            "is_return": "RTN_IND",
        },
        signed,
        lambda x: x["customer"] < 9,
        delimiter="|",
        ending="txt",
        also=frozenset({"is_return="}),
    ),
    "swedish invoices": Layout(
        {
            "Kundnr": lambda x: 200 + x["customer"],
            "Kundnamn": name,
            "Fakturanr": lambda x: 5000 + x["order"],
            "Fakturadatum": lambda x: f"{x['at']:%Y-%m-%d}",
            "Förfallodatum": lambda x: f"{x['at'] + timedelta(30):%Y-%m-%d}",
            "Artikelnr": lambda x: f"L{x['product']}",
            "Benämning": lambda x: f"Doftljus {x['product']}",
            "Antal": lambda x: x["pieces"],
            "À-pris": lambda x: money(x["cents"], " ", ","),
            "Summa": lambda x: money(total(x), " ", ","),
            "Makulerad": lambda x: "Ja" if x["cancelled"] else "Nej",
        },
        {
            "customer_id": "Kundnr",
            "order_id": "Fakturanr",
            "ordered_at": "Fakturadatum",
            "quantity": "Antal",
            "unit_price": "À-pris",
            "amount": "Summa",
            "product_id": "Artikelnr",
            "product_description": "Benämning",
        },
        kept,
        delimiter=";",
        encoding="cp1252",
    ),
    "polish marketplace": Layout(
        {
            "Numer zamówienia": lambda x: f"29{x['order']:06}",
            "Data zakupu": lambda x: f"{x['at']:%d.%m.%Y %H:%M}",
            "Login kupującego": lambda x: f"kupuje{x['customer']}",
            "Nazwa": lambda x: f"Świeca zapachowa {x['product']}",
            "Ilość": lambda x: x["pieces"],
            "Cena": lambda x: f"{money(x['cents'], ' ', ',')} zł",
            "Wartość": lambda x: f"{money(total(x), ' ', ',')} zł",
            "Waluta": lambda _: "PLN",
            "Status zamówienia": lambda x: "anulowane" if x["cancelled"] else "wysłane",
        },
        {
            "customer_id": "Login kupującego",
            "order_id": "Numer zamówienia",
            "ordered_at": "Data zakupu",
            "quantity": "Ilość",
            "unit_price": "Cena",
            "amount": "Wartość",
            "currency": "Waluta",
            "product_description": "Nazwa",
        },
        kept,
        delimiter=";",
        encoding="cp1250",
    ),
    "payments with a refund column": Layout(
        {
            "id": lambda x: f"ch_{x['row']:08}",
            "created_utc": lambda x: f"{x['at']:%Y-%m-%dT%H:%M:%SZ}",
            "amount_minor": lambda x: x["whole"],
            "amount_refunded_minor": lambda x: x["whole"] if x["back"] else 0,
            "currency": lambda _: "usd",
            "status": lambda x: "failed" if x["cancelled"] else "succeeded",
            "customer": lambda x: f"cus_{x['customer']:06}",
            "receipt_email": mail,
            "payment_intent": lambda x: f"pi_{x['row']:08}",
            "available_on": lambda x: f"{x['at'] + timedelta(7):%Y-%m-%d}",
        },
        {
            "customer_id": "customer",
            "ordered_at": "created_utc",
            "amount": "amount_minor",
            "currency": "currency",
            "order_id": "id",
        },
        lambda x: None if x["cancelled"] else 0 if x["back"] else x["whole"],
        only=lambda x: x["first"],
        also=frozenset({"order_id=payment_intent", "order_id="}),
    ),
    "baskets without money": Layout(
        {
            "household": lambda x: x["customer"],
            "basket_id": lambda x: 9000 + x["order"],
            "purchase_date": lambda x: f"{x['at']:%Y-%m-%d}",
            "product_id": lambda x: x["product"],
            "department": lambda _: "home",
            "order_total": lambda x: money(x["whole"], ""),
            "qty": lambda x: x["pieces"],
        },
        {
            "customer_id": "household",
            "order_id": "basket_id",
            "ordered_at": "purchase_date",
            "quantity": "qty",
            "product_id": "product_id",
        },
        also=frozenset({"product_category=department"}),
    ),
    "two dates, month first, quoted": Layout(
        {
            "Ship Date": lambda x: f"{x['at'] + timedelta(4):%m/%d/%Y}",
            "Order Date": lambda x: f"{x['at']:%m/%d/%Y}",
            "Region": lambda _: "West",
            "Account": lambda x: f"AC-{x['customer']:03}",
            "Sales Rep": lambda x: f"Rep {x['order'] % 4}",
            "PO Number": lambda x: f"PO{x['order']:05}",
            "Item": lambda x: f"Candle {x['product']}",
            "Units": lambda x: f"{x['pieces']:,}",
            "Revenue": lambda x: f"({money(total(x))})" if x["back"] else money(total(x)),
            "Margin": lambda x: money(total(x) * 0.3),
        },
        {
            "customer_id": "Account",
            "order_id": "PO Number",
            "ordered_at": "Order Date",
            "quantity": "Units",
            "amount": "Revenue",
            "product_description": "Item",
        },
        signed,
        also=frozenset({"region=Region"}),
        below=(("Grand Total", "", "", "", "", "", "", "", "99,999.99", ""),),
    ),
    "shop and till by line kind": Layout(
        {
            "Date": lambda x: f"{x['at']:%Y-%m-%d %H:%M:%S}",
            "Receipt Number": lambda x: f"INV-{x['order']}",
            "Line Type": lambda x: "Sale Line",
            "Customer Code": lambda x: f"cust-{x['customer']}",
            "Customer Name": name,
            "Quantity": lambda x: x["pieces"],
            "Subtotal": lambda x: money(total(x), ""),
            "Sales Tax": lambda x: money(0.1 * total(x), ""),
            "Discount": lambda _: "0.00",
            "Total": lambda x: money(1.1 * total(x), ""),
            "Paid": lambda _: "",
            "Details": lambda x: f"Candle {x['product']}",
            "Register": lambda _: "Main",
            "User": lambda _: "Kim",
            "Status": lambda x: "VOIDED" if x["cancelled"] else "CLOSED",
            "Sku": lambda x: f"s{x['product']}",
        },
        {
            "customer_id": "Customer Code",
            "order_id": "Receipt Number",
            "ordered_at": "Date",
            "quantity": "Quantity",
            "amount": "Total",
            "product_id": "Sku",
        },
        lambda x: None if x["cancelled"] else 1.1 * total(x),
        also=frozenset({"product_description=Details"}),
    ),
    "fixed text list of an ERP": Layout(
        {
            "Rechnung": lambda x: 90000000 + x["order"],
            "Kunde": lambda x: f"{x['customer']:010}",
            "Fakt.Datum": lambda x: f"{x['at']:%d.%m.%Y}",
            "Material": lambda x: f"{x['product']:018}",
            "Menge": lambda x: f"{x['pieces']},000",
            "ME": lambda _: "ST",
            "Nettowert": lambda x: f"{comma(total(x))}{'-' if x['back'] else ' '}",
            "Währg": lambda _: "EUR",
        },
        {
            "customer_id": "Kunde",
            "order_id": "Rechnung",
            "ordered_at": "Fakt.Datum",
            "quantity": "Menge",
            "amount": "Nettowert",
            "product_id": "Material",
            "currency": "Währg",
        },
        signed,
        delimiter="\t",
        ending="txt",
        encoding="cp1252",
        above=(("20.03.2024", "", "Dynamische Listenausgabe"), ()),
        after=((),),
    ),
    "mexican till, a. m. p. m.": Layout(
        {
            "Ticket": lambda x: 8000 + x["order"],
            "Fecha y hora": half,
            "No. de cliente": lambda x: 300 + x["customer"],
            "Cliente": name,
            "Clave": lambda x: f"V{x['product']:03}",
            "Producto": lambda x: f"Vela {x['product']}",
            "Cant.": lambda x: x["pieces"],
            "P. Unitario": lambda x: f"${money(x['cents'])}",
            "Importe": lambda x: f"${money(total(x))}",
            "Forma de pago": lambda x: "Efectivo",
            "Cancelado": lambda x: "Sí" if x["cancelled"] else "No",
        },
        {
            "customer_id": "No. de cliente",
            "order_id": "Ticket",
            "ordered_at": "Fecha y hora",
            "quantity": "Cant.",
            "unit_price": "P. Unitario",
            "amount": "Importe",
            "product_id": "Clave",
            "product_description": "Producto",
            "payment_method": "Forma de pago",
        },
        kept,
        encoding="cp1252",
    ),
    "finnish": Layout(
        {
            "Tilausnumero": lambda x: x["order"] + 500,
            "Tilauspäivä": lambda x: f"{x['at'].day}.{x['at'].month}.{x['at'].year}",
            "Toimituspäivä": lambda x: f"{x['at'] + timedelta(3):%d.%m.%Y}",
            "Asiakasnumero": lambda x: 9000 + x["customer"],
            "Asiakas": name,
            "Tuotenumero": lambda x: f"K{x['product']}",
            "Tuote": lambda x: f"Kynttilä {x['product']}",
            "Määrä": lambda x: x["pieces"],
            "Yksikköhinta": lambda x: comma(x["cents"]),
            "Yhteensä": lambda x: f"{money(total(x), ' ', ',')} €",
        },
        {
            "customer_id": "Asiakasnumero",
            "order_id": "Tilausnumero",
            "ordered_at": "Tilauspäivä",
            "quantity": "Määrä",
            "unit_price": "Yksikköhinta",
            "amount": "Yhteensä",
            "product_id": "Tuotenumero",
            "product_description": "Tuote",
        },
        delimiter=";",
    ),
    "russian 1C": Layout(
        {
            "Номер документа": lambda x: f"РТ-{x['order']:06}",
            "Дата": lambda x: f"{x['at']:%d.%m.%Y %H:%M:%S}",
            "Код контрагента": lambda x: f"К{x['customer']:05}",
            "Контрагент": lambda x: "ООО Ромашка",
            "Номенклатура": lambda x: f"Свеча {x['product']}",
            "Количество": lambda x: x["pieces"],
            "Цена": lambda x: money(x["cents"], "\u00a0", ","),
            "Сумма": lambda x: money(total(x), "\u00a0", ","),
        },
        {
            "customer_id": "Код контрагента",
            "order_id": "Номер документа",
            "ordered_at": "Дата",
            "quantity": "Количество",
            "unit_price": "Цена",
            "amount": "Сумма",
            "product_description": "Номенклатура",
        },
        delimiter=";",
        encoding="cp1251",
    ),
    "korean": Layout(
        {
            "주문번호": lambda x: f"2023{x['order']:06}",
            "주문일시": lambda x: f"{x['at']:%Y-%m-%d %H:%M:%S}",
            "회원ID": lambda x: f"user{x['customer']}",
            "상품명": lambda x: f"향초 {x['product']}",
            "수량": lambda x: x["pieces"],
            "판매가": lambda x: f"{x['cents']:,}",
            "결제금액": lambda x: f"{total(x):,}",
            "주문상태": lambda x: "취소완료" if x["cancelled"] else "배송완료",
        },
        {
            "customer_id": "회원ID",
            "order_id": "주문번호",
            "ordered_at": "주문일시",
            "quantity": "수량",
            "unit_price": "판매가",
            "amount": "결제금액",
            "product_description": "상품명",
        },
        lambda x: None if x["cancelled"] else 100 * total(x),
        encoding="euc_kr",
    ),
    "danish": Layout(
        {
            "Ordrenr.": lambda x: x["order"],
            "Dato": lambda x: f"{x['at']:%d-%m-%Y}",
            "Kundenr.": lambda x: 40000 + x["customer"],
            "Kundenavn": name,
            "Varenr.": lambda x: f"L-{x['product']}",
            "Varenavn": lambda x: f"Duftlys {x['product']}",
            "Antal": lambda x: x["pieces"],
            "Stk. pris": lambda x: comma(x["cents"]),
            "Beløb": lambda x: f"{comma(total(x))} kr.",
            "Valuta": lambda x: "DKK",
        },
        {
            "customer_id": "Kundenr.",
            "order_id": "Ordrenr.",
            "ordered_at": "Dato",
            "quantity": "Antal",
            "unit_price": "Stk. pris",
            "amount": "Beløb",
            "product_id": "Varenr.",
            "product_description": "Varenavn",
            "currency": "Valuta",
        },
        delimiter=";",
        encoding="cp1252",
    ),
    "donations": Layout(
        {
            "Gift ID": lambda x: x["order"],
            "Gift Date": lambda x: f"{x['at']:%b %d, %Y}",
            "Donor ID": lambda x: f"D{x['customer']}",
            "Donor Name": name,
            "Campaign": lambda x: "Spring",
            "Gift Amount": lambda x: f"${money(x['whole'])}",
            "Payment Type": lambda x: "Check",
        },
        {
            "customer_id": "Donor ID",
            "order_id": "Gift ID",
            "ordered_at": "Gift Date",
            "amount": "Gift Amount",
            "payment_method": "Payment Type",
        },
        lambda x: x["whole"],
        only=lambda x: x["first"],
    ),
    "loyalty journal": Layout(
        {
            "Member Number": lambda x: 6 * 10**15 + x["customer"],
            "Txn DateTime": lambda x: f"{x['at']:%Y%m%d%H%M%S}",
            "Store": lambda x: x["order"] % 3,
            "Txn No": lambda x: x["order"] + 10,
            "Spend": lambda x: money(x["whole"], ""),
            "Points Earned": lambda x: x["whole"] // 100,
        },
        {
            "customer_id": "Member Number",
            "order_id": "Txn No",
            "ordered_at": "Txn DateTime",
            "amount": "Spend",
        },
        lambda x: x["whole"],
        only=lambda x: x["first"],
    ),
    "rupiah comma dash": Layout(
        {
            "no_invoice": lambda x: f"INV/{x['order']}",
            "tgl_transaksi": lambda x: f"{x['at']:%d/%m/%Y}",
            "id_pelanggan": lambda x: f"P{x['customer']}",
            "nama_produk": lambda x: f"lilin {x['product']}",
            "jumlah_beli": lambda x: x["pieces"],
            "harga_satuan": lambda x: f"Rp{x['cents']:,},-".replace(",", ".").replace(".-", ",-"),
            "total_harga": lambda x: f"Rp{total(x):,}".replace(",", ".") + ",-",
            "keterangan": lambda x: "lunas",
        },
        {
            "customer_id": "id_pelanggan",
            "order_id": "no_invoice",
            "ordered_at": "tgl_transaksi",
            "quantity": "jumlah_beli",
            "unit_price": "harga_satuan",
            "amount": "total_harga",
            "product_description": "nama_produk",
        },
        lambda x: 100 * total(x),
        delimiter=";",
    ),
    "merged cells": Layout(
        {
            "Invoice No": lambda x: x["order"] if x["first"] else None,
            "Invoice Date": lambda x: x["at"] if x["first"] else None,
            "Customer Code": lambda x: f"C{x['customer']}" if x["first"] else None,
            "Item": lambda x: f"Candle {x['product']}",
            "Qty": lambda x: x["pieces"],
            "Rate": lambda x: x["cents"] / 100,
            "Value": lambda x: total(x) / 100,
        },
        {
            "customer_id": "Customer Code",
            "order_id": "Invoice No",
            "ordered_at": "Invoice Date",
            "quantity": "Qty",
            "unit_price": "Rate",
            "amount": "Value",
            "product_description": "Item",
        },
        ending="xlsx",
        below=((None, None, None, "Total", 999, None, 99999.0),),
    ),
    "epoch seconds, money words": Layout(
        {
            "uid": lambda x: f"u-{x['customer']}",
            "oid": lambda x: f"o-{x['order']}",
            "ts": lambda x: epoch(x),
            "pid": lambda x: x["product"],
            "n": lambda x: x["pieces"],
            "price_each": lambda x: x["cents"] / 100,
            "paid": lambda x: total(x) / 100,
        },
        {
            "customer_id": "uid",
            "order_id": "oid",
            "ordered_at": "ts",
            "unit_price": "price_each",
            "amount": "paid",
            "product_id": "pid",
        },
    ),
    "call centre dump": Layout(
        {
            "Call ID": lambda x: f"c{x['row']}",
            "Call Start": lambda x: f"{x['at']:%Y-%m-%dT%H:%M:%S}+01:00",
            "Call End": lambda x: f"{x['at'] + timedelta(minutes=9):%Y-%m-%dT%H:%M:%S}+01:00",
            "Direction": lambda x: "Inbound",
            "Queue": lambda x: "Billing" if x["order"] % 2 else "Orders",
            "Agent Name": lambda x: "Kim",
            "ANI": lambda x: f"+4930{x['customer']:06}",
            "Account Number": lambda x: 50000 + x["customer"],
            "Channel": lambda x: "Phone" if x["product"] % 2 else "Chat",
            "Contact Reason": lambda x: "Complaint" if x["product"] > 5 else "Question",
            "Talk Time": lambda x: "04:10",
            "CSAT": lambda x: x["pieces"],
            "Wrap-up Notes": lambda x: "called about\nan order",
        },
        {
            "customer_id": "Account Number",
            "occurred_at": "Call Start",
            "channel": "Channel",
            "kind": "Contact Reason",
        },
        table="interactions",
        also=frozenset({"text=Wrap-up Notes"}),
    ),
    "GA4 dump": Layout(
        {
            "event_date": lambda x: f"{x['at']:%Y%m%d}",
            "event_timestamp": lambda x: epoch(x, 1e6),
            "event_name": lambda x: ["page_view", "add_to_cart", "purchase"][x["product"] % 3],
            "user_pseudo_id": lambda x: f"{x['customer']}.{1675}",
            "ga_session_id": lambda x: x["order"] + 10**9,
            "device_category": lambda x: "mobile",
            "page_location": lambda x: "https://example.com/",
        },
        {
            "customer_id": "user_pseudo_id",
            "event": "event_name",
            "occurred_at": "event_timestamp",
            "session_id": "ga_session_id",
        },
        table="behaviour",
        also=frozenset({"user_agent=device_category"}),
    ),
    "mailing list": Layout(
        {
            "Email Address": mail,
            "First Name": lambda x: name(x).split()[0],
            "Last Name": lambda x: name(x).split()[1],
            "Birthday": lambda x: "05/12",
            "Gender": lambda x: "F" if x["customer"] % 2 else "M",
            "MEMBER_RATING": lambda x: 2,
            "OPTIN_TIME": lambda x: f"2021-03-0{x['customer'] % 9 + 1} 10:00:00",
            "LAST_CHANGED": lambda x: f"2023-03-0{x['customer'] % 9 + 1} 10:00:00",
            "LEID": lambda x: x["customer"] + 90000,
            "COUNTRY": lambda x: "US",
        },
        {"customer_id": "Email Address", "gender": "Gender", "country": "COUNTRY"},
        table="customers",
        only=one_each,
        ask=frozenset({"customer_id"}),
        also=frozenset({"signed_up_at=OPTIN_TIME", "customer_id=LEID"}),
    ),
    "exchange rates": Layout(
        {
            "Datum": lambda x: f"{x['at']:%d.%m.%Y}",
            "Kurs": lambda x: "15.234,50",
            "Bezeichnung": lambda x: "USD/IDR",
        },
        {"date": "Datum", "value": "Kurs", "name": "Bezeichnung"},
        table="external",
        delimiter=";",
        only=lambda x: x["first"],
    ),
    "no customer": Layout(
        {
            "Check #": lambda x: x["order"],
            "Opened": lambda x: f"{x['at']:%m/%d/%Y %I:%M %p}",
            "Server": lambda x: "Kim",
            "Table": lambda x: x["order"] % 9,
            "Item": lambda x: f"Soup {x['product']}",
            "Net Price": lambda x: money(total(x)),
            "Void?": lambda x: "false",
        },
        {"order_id": "Check #", "ordered_at": "Opened"},
        also=frozenset({"amount=Net Price", "unit_price=Net Price", "product_description=Item"}),
        honest=False,
    ),
    "names only": Layout(
        {
            "Date": lambda x: f"{x['at']:%Y-%m-%d}",
            "Customer Name": name,
            "Invoice": lambda x: x["order"],
            "Amount": lambda x: money(total(x), ""),
        },
        {"order_id": "Invoice", "ordered_at": "Date", "amount": "Amount"},
        honest=False,
    ),
    "seller and buyer": Layout(
        {
            "order_ref": lambda x: f"R{x['order']}",
            "seller_id": lambda x: x["product"],
            "buyer_id": lambda x: x["customer"],
            "payer_id": lambda x: x["customer"] // 2,
            "paid_at": lambda x: f"{x['at'] + timedelta(1):%Y-%m-%d %H:%M}",
            "placed_at": lambda x: f"{x['at']:%Y-%m-%d %H:%M}",
            "delivered_at": lambda x: f"{x['at'] + timedelta(5):%Y-%m-%d %H:%M}",
            "line_amount": lambda x: money(total(x), ""),
            "order_amount": lambda x: money(x["whole"], ""),
            "is_delivered": lambda x: "0" if x["cancelled"] else "1",
        },
        {
            "customer_id": "buyer_id",
            "order_id": "order_ref",
            "ordered_at": "placed_at",
            "amount": "line_amount",
        },
        ask=frozenset({"customer_id"}),
    ),
    "refund column, order level": Layout(
        {
            "Name": lambda x: f"#{1000 + x['order']}",
            "Created at": lambda x: f"{x['at']:%Y-%m-%d %H:%M:%S} +0700",
            "Customer ID": lambda x: 6 * 10**12 + x["customer"],
            "Total sales": lambda x: money(x["whole"], ""),
            "Returns": lambda x: "-" + money(x["whole"], "") if x["back"] else "0.00",
            "Cancelled": lambda x: "Yes" if x["cancelled"] else "No",
        },
        {
            "customer_id": "Customer ID",
            "order_id": "Name",
            "ordered_at": "Created at",
            "amount": "Total sales",
        },
        lambda x: None if x["cancelled"] else 0 if x["back"] else x["whole"],
        only=lambda x: x["first"],
    ),
    "chinese pos, gbk": Layout(
        {
            "小票号": lambda x: f"{x['order']:06}",
            "销售日期": lambda x: f"{x['at']:%Y/%m/%d %H:%M}",
            "会员卡号": lambda x: "散客" if x["customer"] < 9 else f"88{x['customer']:06}",
            "商品名称": lambda x: f"香薰蜡烛{x['product']}",
            "数量": lambda x: x["pieces"],
            "单价": lambda x: money(x["cents"]),
            "实收金额": lambda x: money(signed(x)),
            "收银员": lambda x: "01",
        },
        {
            "customer_id": "会员卡号",
            "order_id": "小票号",
            "ordered_at": "销售日期",
            "quantity": "数量",
            "unit_price": "单价",
            "amount": "实收金额",
            "product_description": "商品名称",
        },
        signed,
        nobody=lambda x: x["customer"] < 9,
        encoding="gb18030",
    ),
    "serial dates sheet, text numbers": Layout(
        {
            "Ref": lambda x: f"SO-{x['order']}",
            "Txn Date": lambda x: str((x["at"] - ZERO).days),
            "Cust. No.": lambda x: f"{x['customer']:05}",
            "Part No.": lambda x: f"P{x['product']}",
            "Qty.": lambda x: str(x["pieces"]),
            "Ext. Price": lambda x: f"USD {money(total(x))}",
            "Cost": lambda x: f"USD {money(total(x) * 0.4)}",
        },
        {
            "customer_id": "Cust. No.",
            "order_id": "Ref",
            "ordered_at": "Txn Date",
            "quantity": "Qty.",
            "amount": "Ext. Price",
            "product_id": "Part No.",
        },
        ending="xlsx",
        also=frozenset({"unit_cost=Cost"}),
        above=(("Sales ledger",), ("Run 01/04/2024 09:12",), ()),
    ),
    "status refunded": Layout(
        {
            "order_number": lambda x: x["order"],
            "created": lambda x: f"{x['at']:%m/%d/%Y %I:%M %p}",
            "customer_email": mail,
            "status": lambda x: (
                "canceled" if x["cancelled"] else "refunded" if x["back"] else "paid"
            ),
            "items": lambda x: x["pieces"],
            "total": lambda x: f"${money(x['whole'])}",
        },
        {
            "customer_id": "customer_email",
            "order_id": "order_number",
            "ordered_at": "created",
            "amount": "total",
            "quantity": "items",
        },
        lambda x: None if x["cancelled"] else None if x["back"] else x["whole"],
        only=lambda x: x["first"],
    ),
    "units row, sap like": Layout(
        {
            "Belegnr.": lambda x: f"{x['order']:08}",
            "Buch.dat.": lambda x: f"{x['at']:%d.%m.%Y}",
            "Erf.dat.": lambda x: f"{x['at'] + timedelta(1):%d.%m.%Y}",
            "Debitor": lambda x: f"{x['customer']:06}",
            "Mat.-Nr.": lambda x: f"{x['product']:06}",
            "Mat.-Bez.": lambda x: f"Kerze {x['product']}",
            "Menge": lambda x: x["pieces"],
            "Wert": lambda x: comma(signed(x)).lstrip("-") + ("-" if x["back"] else ""),
        },
        {
            "customer_id": "Debitor",
            "order_id": "Belegnr.",
            "ordered_at": "Buch.dat.",
            "quantity": "Menge",
            "amount": "Wert",
            "product_id": "Mat.-Nr.",
            "product_description": "Mat.-Bez.",
        },
        signed,
        delimiter="\t",
        ending="txt",
        encoding="utf-16",
        after=(("", "", "", "", "", "", "ST", "EUR"),),
    ),
    "portuguese pt": Layout(
        {
            "Nº Fatura": lambda x: f"FT A/{x['order']}",
            "Data": lambda x: f"{x['at']:%Y/%m/%d}",
            "NIF": lambda x: 200000000 + x["customer"],
            "Cliente": name,
            "Artigo": lambda x: f"Vela {x['product']}",
            "Qtd": lambda x: x["pieces"],
            "Pr. Unit.": lambda x: f"{comma(x['cents'])}€",
            "Total Líquido": lambda x: f"{comma(total(x))}€",
            "Anulado": lambda x: "S" if x["cancelled"] else "N",
        },
        {
            "customer_id": "NIF",
            "order_id": "Nº Fatura",
            "ordered_at": "Data",
            "quantity": "Qtd",
            "unit_price": "Pr. Unit.",
            "amount": "Total Líquido",
            "product_description": "Artigo",
        },
        kept,
        delimiter=";",
        encoding="cp1252",
    ),
    "vietnamese": Layout(
        {
            "Mã đơn hàng": lambda x: f"DH{x['order']}",
            "Ngày đặt hàng": lambda x: f"{x['at']:%d/%m/%Y %H:%M}",
            "Mã khách hàng": lambda x: f"KH{x['customer']}",
            "Tên sản phẩm": lambda x: f"Nến {x['product']}",
            "Số lượng": lambda x: x["pieces"],
            "Đơn giá": lambda x: f"{x['cents'] * 100:,}".replace(",", ".") + "đ",
            "Thành tiền": lambda x: f"{total(x) * 100:,}".replace(",", ".") + "đ",
            "Trạng thái": lambda x: "Đã hủy" if x["cancelled"] else "Hoàn thành",
        },
        {
            "customer_id": "Mã khách hàng",
            "order_id": "Mã đơn hàng",
            "ordered_at": "Ngày đặt hàng",
            "quantity": "Số lượng",
            "unit_price": "Đơn giá",
            "amount": "Thành tiền",
            "product_description": "Tên sản phẩm",
        },
        lambda x: None if x["cancelled"] else 10000 * total(x),
    ),
    "german POS bon journal": Layout(
        {
            "Filiale": lambda x: "012",
            "Kasse": lambda x: x["order"] % 2 + 1,
            "Bonnr.": lambda x: x["order"] % 40 + 1,
            "Datum": lambda x: f"{x['at']:%d.%m.%y}",
            "Uhrzeit": lambda x: f"{x['at']:%H:%M}",
            "Kundenkarte": lambda x: "" if x["customer"] < 9 else f"29{x['customer']:06}",
            "EAN": lambda x: f"40{x['product']:011}",
            "Artikel": lambda x: f"Kerze {x['product']}",
            "Menge": lambda x: f"{x['pieces']},000",
            "Umsatz EUR": lambda x: comma(total(x)),
            "Storno": lambda x: "J" if x["cancelled"] else "N",
        },
        {
            "customer_id": "Kundenkarte",
            "order_id": "Bonnr.",
            "ordered_at": "Datum",
            "quantity": "Menge",
            "amount": "Umsatz EUR",
            "product_id": "EAN",
            "product_description": "Artikel",
        },
        kept,
        nobody=lambda x: x["customer"] < 9,
        delimiter=";",
        encoding="cp1252",
    ),
    "indonesian payments": Layout(
        {
            "Waktu Transaksi": lambda x: (
                f"{x['at']:%d %b %Y, %H:%M}".replace("May", "Mei")
                .replace("Aug", "Agu")
                .replace("Oct", "Okt")
                .replace("Dec", "Des")
            ),
            "ID Transaksi": lambda x: f"T{x['order']}",
            "ID Member": lambda x: f"M{x['customer']}",
            "Jumlah Item": lambda x: x["pieces"],
            "Total Pembayaran": lambda x: f"{x['whole'] * 10:,}".replace(",", "."),
            "Status": lambda x: "Dibatalkan" if x["cancelled"] else "Selesai",
            "Metode Bayar": lambda x: "OVO",
        },
        {
            "customer_id": "ID Member",
            "order_id": "ID Transaksi",
            "ordered_at": "Waktu Transaksi",
            "quantity": "Jumlah Item",
            "amount": "Total Pembayaran",
            "payment_method": "Metode Bayar",
        },
        lambda x: None if x["cancelled"] else 1000 * x["whole"],
        only=lambda x: x["first"],
        also=frozenset({"quantity="}),
    ),
    "us wholesale, acct": Layout(
        {
            "Acct#": lambda x: f"{x['customer']:06}",
            "Acct Name": name,
            "Inv#": lambda x: f"{x['order']:07}",
            "Inv Date": lambda x: f"{x['at']:%m-%d-%Y}",
            "Due Date": lambda x: f"{x['at'] + timedelta(30):%m-%d-%Y}",
            "Item#": lambda x: f"I{x['product']}",
            "Desc": lambda x: f"Candle {x['product']}",
            "Qty Ord": lambda x: x["pieces"] + 1,
            "Qty Shp": lambda x: x["pieces"],
            "Unit Prc": lambda x: money(x["cents"], ""),
            "Ext Prc": lambda x: money(signed(x)).lstrip("-") + ("-" if x["back"] else ""),
        },
        {
            "customer_id": "Acct#",
            "order_id": "Inv#",
            "ordered_at": "Inv Date",
            "quantity": "Qty Shp",
            "unit_price": "Unit Prc",
            "amount": "Ext Prc",
            "product_id": "Item#",
            "product_description": "Desc",
        },
        signed,
        also=frozenset({"quantity=Qty Ord"}),
    ),
}
